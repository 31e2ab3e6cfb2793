"""A double of K3s for the lab of k3s-mesh-tui. It is not K3s and runs no containers."""
