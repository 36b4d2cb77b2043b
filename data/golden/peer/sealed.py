"""Keys, sealed payloads and proofs of version 2 of the peer dialect, with the Python package cryptography (OpenSSL),
independent of the crates that the dialect uses. Usage: python3 sealed.py sealed.json"""
import hashlib, json, struct, sys
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

def lp(data): return struct.pack('<I', len(data)) + data
def hkdf(ikm, salt, info): return HKDF(hashes.SHA256(), 32, salt, info).derive(ikm)

def header(tag, room, p):
    return (tag + lp(room) + struct.pack('<II', p['version'], p['type']) + lp(p['request'].encode()) + lp(p['sender'].encode())
        + lp(p['target'].encode()) + bytes([p['encrypted']]) + struct.pack('<qqiiI', p['physical'], p['logical'], p['size'],
        p['index'], p['count']) + bytes([p['last']]) + struct.pack('<Q', p['epoch']) + lp(p['exchange_key']) + lp(p['sign_key']))

class Peer:
    def __init__(self, sign, exchange):
        self.seeds = sign + exchange
        self.sign, self.exchange = Ed25519PrivateKey.from_private_bytes(sign), X25519PrivateKey.from_private_bytes(exchange)
        self.public = self.sign.public_key().public_bytes_raw() + self.exchange.public_key().public_bytes_raw()
    def pairwise(self, room, other):
        shared = self.exchange.exchange(X25519PublicKey.from_public_bytes(other.public[32:]))
        ends = sorted([self.public, other.public])
        return hkdf(shared, room, b'cohrtz/pairwise/v2' + ends[0] + ends[1])

room = 'Zimmer-ü/1'
a, b = Peer(b'\x01' * 32, b'\x02' * 32), Peer(bytes(range(32)), bytes(range(32, 64)))
new = Peer(b'\x05' * 32, b'\x06' * 32)
raw, key = room.encode(), a.pairwise(room.encode(), b)
assert key == b.pairwise(raw, a)
gsk, session, nonce = bytes(range(64, 96)), bytes(range(96, 128)), bytes(range(12))
group = hkdf(gsk, raw, b'cohrtz/group/v2' + struct.pack('<Q', 7) + lp(b'user:Alice'))
p = dict(version=2, type=8, request='r-1', sender='user:Alice', target='bob', encrypted=1, physical=1700000000123, logical=-9,
    size=70000, index=1, count=3, last=0, epoch=7, exchange_key=b'', sign_key=a.public[:32])
plaintext = b'{"type":"KEY_REQ"}'
aad = header(b'cohrtz/aead/v2\0\0', raw, p)
payload = nonce + AESGCM(key).encrypt(nonce, plaintext, aad)
signed = header(b'cohrtz/packet/v2', raw, p) + hashlib.sha256(payload).digest()
rotation = b'cohrtz/rotate/v2' + lp(raw) + lp(b'user:Alice') + new.public
out = dict(room=room, seeds_a=a.seeds, seeds_b=b.seeds, public_a=a.public, public_b=b.public, pairwise_key=key,
    group_secret=gsk, group_epoch=7, group_sender='user:Alice', group_key=group,
    session_secret=session, session_key=hkdf(session, raw, b'cohrtz/session/v2' + lp(b'user:Alice')),
    plaintext=plaintext, aad=aad, payload=payload, signed_bytes=signed, signature=a.sign.sign(signed),
    rotation_seeds=new.seeds, rotation_public=new.public, rotation_proof=new.sign.sign(rotation))
json.dump({k: v.hex() if isinstance(v, bytes) else v for k, v in out.items()}, open(sys.argv[1], 'w'), indent=1, ensure_ascii=True)
