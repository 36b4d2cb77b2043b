//! The examples of the standards: tokens that others have signed.

use serde_json::json;
use syncline::auth::{Denied, UnixMillis};

use super::*;

/// RFC 7515, appendix A: the claims of its examples, which expire in March 2011.
const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const WHEN: UnixMillis = UnixMillis(1_300_819_000_000);

fn hold(key: Value, header: &str, signature: &str) {
    let auth = by_set(&json!({ "keys": [key] }));
    let token = format!("{header}.{CLAIMS}.{signature}");
    let identity = auth.verify_at(&token, WHEN).expect("an example of the standard");
    assert_eq!(identity.expires, Some(UnixMillis(1_300_819_380_000 + 30_000)));
    assert_eq!(denied(&auth, &token), Denied::Expired);
}

#[test]
fn the_hmac_of_rfc_7515() {
    let key = json!({ "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow" });
    let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    hold(key, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", signature);
}

#[test]
fn the_rsa_signature_of_rfc_7515() {
    let key = json!({ "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" });
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    hold(key, "eyJhbGciOiJSUzI1NiJ9", signature);
}

#[test]
fn the_elliptic_signature_of_rfc_7515() {
    let key = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let signature =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    hold(key, "eyJhbGciOiJFUzI1NiJ9", signature);
}

#[test]
fn the_edwards_signature_of_rfc_8037() {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let auth = by_set(&json!({ "keys": [key] }));
    let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    // What it signs is a sentence: the signature is right, and then there are no claims.
    assert_eq!(denied(&auth, &format!("{signed}.{signature}")), Denied::Malformed);
    let other = signature.replace("hgyY", "hgyZ");
    assert_eq!(denied(&auth, &format!("{signed}.{other}")), Denied::Signature);
}
