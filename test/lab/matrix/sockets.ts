/** The questions of a matrix, asked by plain sockets and not by the program. */
import {waitFor, type LabNode} from '../index.js';

/**
 * Answers with its name and the source that it saw, on ports of TCP and UDP. An address has a socket of its own,
 * so that answers leave from what was asked.
 */
const listener = `
import socket, socketserver, sys, threading
name, ports, udp, addresses = sys.argv[1], sys.argv[2].split(','), sys.argv[3].split(','), sys.argv[4:]
def answer(source):
    return ('%s %s %d' % (name, source[0], source[1])).encode()
class Stream(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(1)
        self.request.sendall(answer(self.client_address))
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    def __init__(self, address, port):
        self.address_family = socket.AF_INET6 if ':' in address else socket.AF_INET
        super().__init__((address, port), Stream)
def echo(sock):
    while True:
        source = sock.recvfrom(9)[1]
        sock.sendto(answer(source), source)
for address in addresses:
    for port in ports:
        threading.Thread(target=Server(address, int(port)).serve_forever).start()
    for port in udp:
        sock = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address, int(port)))
        threading.Thread(target=echo, args=(sock,)).start()
`;

/** Reads questions as JSON, asks all of them at once, and prints one answer for each. */
const asker = `
import concurrent.futures, errno, json, socket, sys
def ask(protocol, address, port):
    try:
        if protocol == 'tcp':
            with socket.create_connection((address, port), timeout=2) as sock:
                sock.sendall(b'?')
                return sock.recv(99).decode()
        with socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            sock.connect((address, port))
            for attempt in range(4):
                try:
                    sock.send(b'?')
                    return sock.recv(99).decode()
                except TimeoutError:
                    pass
            return 'silence'
    except TimeoutError:
        return 'silence'
    except OSError as error:
        return 'refused' if error.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH) else str(error)
with concurrent.futures.ThreadPoolExecutor(100) as pool:
    print(json.dumps(list(pool.map(lambda question: ask(*question), json.load(sys.stdin)))))
`;

/** Sends from one port to all addresses, until each has answered, and prints the answers. */
const sender = `
import json, socket, sys
port, targets = int(sys.argv[2]), set(sys.argv[3:])
answers = []
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.bind(('0.0.0.0', int(sys.argv[1])))
    sock.settimeout(1)
    for attempt in range(5):
        for target in targets:
            sock.sendto(b'?', (target, port))
        try:
            while targets:
                data, (source, _) = sock.recvfrom(99)
                if source in targets:
                    targets.remove(source)
                    answers.append(data.decode())
        except TimeoutError:
            pass
print(json.dumps(answers))
`;

const run = async (
	node: LabNode,
	program: string,
	words: readonly string[],
	input?: string,
): Promise<readonly string[]> => {
	const {code, stdout, stderr} = await node.exec(
		['python3', '-c', program, ...words],
		{input, timeoutMs: 60_000},
	);
	if (code !== 0) {
		throw new Error(`${node.name}: ${stderr}`);
	}

	return JSON.parse(stdout) as readonly string[];
};

/** The addresses of a host's card. */
const addressesOf = async (node: LabNode): Promise<readonly string[]> => {
	const {stdout} = await node.exec([
		'ip',
		'-json',
		'address',
		'show',
		'dev',
		'eth0',
		'scope',
		'global',
	]);
	const cards = JSON.parse(stdout) as ReadonlyArray<{
		readonly addr_info: ReadonlyArray<{readonly local?: string}>;
	}>;
	// What another scope hides is an empty object.
	return cards.flatMap((card) =>
		card.addr_info.flatMap(({local}) => local ?? []),
	);
};

/** Lets a host answer on some ports, and waits until it does. */
export const listen = async (
	node: LabNode,
	tcp: readonly number[],
	udp: readonly number[],
): Promise<void> => {
	const addresses = await addressesOf(node);
	await node.exec([
		'systemd-run',
		'--unit=plain-listener',
		'python3',
		'-c',
		listener,
		node.name,
		tcp.join(','),
		udp.join(','),
		...addresses,
	]);
	await waitFor(
		`${node.name} does not listen`,
		async () => {
			const {stdout} = await node.exec([
				'ss',
				'-Hlnu',
				udp.map((port) => `sport = :${port}`).join(' or '),
			]);
			return stdout.trim().split('\n').length === addresses.length * udp.length
				? true
				: undefined;
		},
		{timeoutMs: 15_000},
	);
};

/** Asks all at once: the text of each answer, `silence`, `refused`, or another error. */
export const ask = async (
	from: LabNode,
	places: ReadonlyArray<readonly ['tcp' | 'udp', string, number]>,
): Promise<readonly string[]> => run(from, asker, [], JSON.stringify(places));

/** How others saw what left from one UDP port of a host, as `OBSERVER ADDRESS PORT`. */
export const sourcesOf = async (
	from: LabNode,
	localPort: number,
	port: number,
	addresses: readonly string[],
): Promise<readonly string[]> =>
	run(from, sender, [String(localPort), String(port), ...addresses]);
