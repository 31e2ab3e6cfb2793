"""Tokens: `K10<sha256 of the CA>::<user>:<password>` in full, or only the password."""

import hashlib
import secrets
from dataclasses import dataclass

from .log import Fatal


@dataclass(frozen=True)
class Token:
    ca_hash: str
    user: str
    password: str

    @property
    def is_full(self):
        return self.ca_hash != ''


def parse(text, default_user):
    """Takes a token apart. Raises Fatal when a full token has not the right form."""
    text = text.strip()
    if not text.startswith('K10'):
        return Token('', default_user, text)
    head, separator, credentials = text[3:].partition('::')
    user, colon, password = credentials.partition(':')
    if not separator or not colon or not password or len(head) != 64:
        raise Fatal('failed to normalize token; must be in format K10<CA-HASH>::<USERNAME>:<PASSWORD> or <PASSWORD>')
    return Token(head, user, password)


def ca_hash(pem):
    return hashlib.sha256(pem.encode()).hexdigest()


def full(pem, user, password):
    return f'K10{ca_hash(pem)}::{user}:{password}'


def generate():
    return secrets.token_hex(16)
