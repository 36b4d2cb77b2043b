"""Sealed payloads of the relay client, from the RFCs in plain Python, independent of the crates the client uses."""
import hashlib, hmac, json, struct, sys
def rotl(x,n): return ((x<<n)|(x>>(32-n)))&0xffffffff
def qr(s,a,b,c,d):
    s[a]=(s[a]+s[b])&0xffffffff; s[d]=rotl(s[d]^s[a],16)
    s[c]=(s[c]+s[d])&0xffffffff; s[b]=rotl(s[b]^s[c],12)
    s[a]=(s[a]+s[b])&0xffffffff; s[d]=rotl(s[d]^s[a],8)
    s[c]=(s[c]+s[d])&0xffffffff; s[b]=rotl(s[b]^s[c],7)
C=struct.unpack('<4I',b'expand 32-byte k')
def rounds(s):
    for _ in range(10):
        for q in ((0,4,8,12),(1,5,9,13),(2,6,10,14),(3,7,11,15),(0,5,10,15),(1,6,11,12),(2,7,8,13),(3,4,9,14)): qr(s,*q)
def block(key,ctr,nonce):
    s=list(C)+list(struct.unpack('<8I',key))+[ctr]+list(struct.unpack('<3I',nonce)); w=s[:]
    rounds(w); return struct.pack('<16I',*[(a+b)&0xffffffff for a,b in zip(w,s)])
def hchacha(key,n16):
    s=list(C)+list(struct.unpack('<8I',key))+list(struct.unpack('<4I',n16)); rounds(s)
    return struct.pack('<8I',*(s[:4]+s[12:]))
def stream(key,nonce,ctr,data):
    out=b''
    for i in range(0,len(data),64):
        ks=block(key,ctr+i//64,nonce); out+=bytes(a^b for a,b in zip(data[i:i+64],ks))
    return out
def poly(key,msg):
    r=int.from_bytes(key[:16],'little')&0x0ffffffc0ffffffc0ffffffc0fffffff; s=int.from_bytes(key[16:],'little'); a=0
    for i in range(0,len(msg),16): a=(a+int.from_bytes(msg[i:i+16]+b'\1','little'))*r%(2**130-5)
    return ((a+s)&(2**128-1)).to_bytes(16,'little')
pad=lambda b: b+b'\0'*(-len(b)%16)
def seal(key,n24,aad,pt):
    k=hchacha(key,n24[:16]); n=b'\0'*4+n24[16:]
    ct=stream(k,n,1,pt); mac=poly(block(k,0,n)[:32],pad(aad)+pad(ct)+struct.pack('<QQ',len(aad),len(ct)))
    return ct+mac
# self check: draft-irtf-cfrg-xchacha, A.3.1
key=bytes(range(0x80,0xa0)); n=bytes(range(0x40,0x58)); aad=bytes.fromhex('50515253c0c1c2c3c4c5c6c7')
pt=b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
assert seal(key,n,aad,pt)[-16:].hex()=='c0875924c1c7987947deafd8780acf49'
def hkdf(ikm,info): 
    prk=hmac.new(b'\0'*32,ikm,hashlib.sha256).digest(); return hmac.new(prk,info+b'\1',hashlib.sha256).digest()
out=[]
cases=[(bytes(32),bytes(24),b''),(bytes(range(32)),bytes(range(100,124)),b'buy milk'),(bytes((i*37+11)%256 for i in range(32)),bytes((i*91+3)%256 for i in range(24)),bytes(range(256)))]
for sec,nonce,plain in cases:
    dk=hashlib.sha256(sec+b'TaskLens_SyncID_v1').hexdigest(); ck=hkdf(sec,b'syncline relay content key v1')
    compact=b'\1'+nonce+seal(ck,nonce,b'\1'+dk.encode(),plain)
    orig=json.dumps({"nonce":list(nonce),"ciphertext":list(seal(sec,nonce,b'',plain))},separators=(',',':'))
    out.append(dict(secret=sec.hex(),discovery_key=dk,content_key=ck.hex(),nonce=nonce.hex(),plaintext=plain.hex(),compact=compact.hex(),original=orig))
json.dump(out,open(sys.argv[1],'w'),indent=2); open(sys.argv[1],'a').write('\n')
