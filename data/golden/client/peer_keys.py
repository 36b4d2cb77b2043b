"""Makes peer_keys.txt: the keys of a room as the peer client carries them between devices.

Argon2id by the Python package `cryptography` over OpenSSL, XChaCha20-Poly1305 by relay_sealed.py beside this file."""

import base64
import hashlib
import sys

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

import relay_sealed  # Writes its own vectors to the same name first.

salt, nonce = bytes([7]) * 16, bytes([9]) * 24
identity, place = b"user:alice", b"data/family"
passphrase = b"correct horse battery staple"
kdf = Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=19 * 1024)
key = kdf.derive(passphrase)
plaintext = bytes(range(64)) + bytes([len(identity)]) + identity + place
head = bytes([1]) + salt
out = head + nonce + relay_sealed.seal(key, nonce, head, plaintext)
out += hashlib.sha256(out).digest()[:4]
text = "syncline-peer-keys:" + base64.urlsafe_b64encode(out).decode().rstrip("=")
open(sys.argv[1], "w").write(text + "\n")
