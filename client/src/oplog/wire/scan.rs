//! Parts the answer to a pull or a bootstrap as it arrives: the operations of `ops` one by one, and
//! what stands around them. So an answer of any length takes the memory of one operation.
//!
//! Finds where values end and nothing else: who takes the parts parses them, and so notices what
//! is no JSON.

/// Where the scanner stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Outside the array `ops`.
    Around,
    /// In the array, between operations or inside one.
    Ops,
}

/// The answer is larger than this client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge(pub(crate) &'static str);

/// Parts one answer.
#[derive(Debug)]
pub(crate) struct Scanner {
    around_bytes_max: usize,
    op_bytes_max: usize,
    place: Place,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Where in `around` the last string of the outermost object begins, and whether a colon
    /// followed.
    string_at: usize,
    ops_named: bool,
    around: Vec<u8>,
    op: Vec<u8>,
    done: Vec<Vec<u8>>,
}

impl Scanner {
    /// A scanner that takes so many bytes of one operation, and of everything around them.
    pub(crate) fn new(around_bytes_max: usize, op_bytes_max: usize) -> Self {
        Self {
            around_bytes_max,
            op_bytes_max,
            place: Place::Around,
            depth: 0,
            in_string: false,
            escaped: false,
            string_at: 0,
            ops_named: false,
            around: Vec::new(),
            op: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Takes the next bytes of the answer.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        for byte in bytes {
            match self.place {
                Place::Around => self.around(*byte),
                Place::Ops => self.ops(*byte),
            }
            if self.around.len() > self.around_bytes_max {
                return Err(TooLarge("a snapshot"));
            }
            if self.op.len() > self.op_bytes_max {
                return Err(TooLarge("an operation"));
            }
        }
        Ok(())
    }

    /// The operations that are whole by now, each as JSON.
    pub(crate) fn take_ops(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.done)
    }

    /// What stands before the operations, closed so that it is JSON, once they have begun.
    pub(crate) fn head(&self) -> Option<Vec<u8>> {
        (self.place == Place::Ops).then(|| [&self.around, &b"]}"[..]].concat())
    }

    /// The answer without its operations, when it has ended.
    pub(crate) fn into_around(self) -> Vec<u8> {
        self.around
    }

    fn around(&mut self, byte: u8) {
        if self.in_string {
            self.around.push(byte);
            self.string(byte);
            return;
        }
        match byte {
            b'"' => {
                (self.in_string, self.string_at) = (true, self.around.len());
                self.ops_named = false;
            }
            b':' if self.depth == 1 => {
                let name = &self.around[self.string_at..];
                self.ops_named = name.trim_ascii_end() == b"\"ops\"";
            }
            b'[' if self.depth == 1 && self.ops_named => {
                self.place = Place::Ops;
                self.depth += 1;
            }
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if !byte.is_ascii_whitespace() && byte != b':' && self.place == Place::Around {
            self.ops_named = false;
        }
        self.around.push(byte);
    }

    fn ops(&mut self, byte: u8) {
        if self.in_string {
            self.op.push(byte);
            self.string(byte);
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' if self.depth == 2 => {
                (self.place, self.depth) = (Place::Around, 1);
                self.end_op(true);
                self.ops_named = false;
                self.around.push(byte);
                return;
            }
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            b',' if self.depth == 2 => {
                self.end_op(false);
                return;
            }
            _ => {}
        }
        self.op.push(byte);
    }

    /// An element ends. Only an empty array may end with an empty one.
    fn end_op(&mut self, last: bool) {
        let op = std::mem::take(&mut self.op);
        if !(last && op.trim_ascii().is_empty()) {
            self.done.push(op);
        }
    }

    fn string(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Feeds an answer in pieces of a length; returns its operations and what stands around.
    fn scan(text: &str, piece: usize) -> (Vec<Value>, Value) {
        let mut scanner = Scanner::new(1 << 20, 1 << 20);
        let mut ops = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            scanner.feed(piece).unwrap();
            let parse = |op: Vec<u8>| serde_json::from_slice::<Value>(&op).unwrap();
            ops.extend(scanner.take_ops().into_iter().map(parse));
        }
        (ops, serde_json::from_slice(&scanner.into_around()).unwrap())
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<i32>().prop_map(|n| json!(n)),
            "[a-z\"\\\\\\[\\]{},:]{0,6}".prop_map(|s| json!(s)),
            Just(json!("ops")),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            let name = prop_oneof![Just("ops".to_owned()), "[a-z]{1,3}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..4).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_answer_is_parted_like_its_value(
            ops in prop::collection::vec(value(), 0..5),
            (before, behind) in (value(), value()),
            (piece, pretty) in (1..40_usize, any::<bool>()),
        ) {
            let mut whole = json!({ "a": before, "ops": ops, "z": behind });
            let text = if pretty { serde_json::to_string_pretty(&whole) } else { serde_json::to_string(&whole) };
            let (found, around) = scan(&text.unwrap(), piece);
            prop_assert_eq!(Value::from(found), whole["ops"].take());
            whole["ops"] = json!([]);
            prop_assert_eq!(around, whole);
        }
    }

    #[test]
    fn the_head_is_known_before_the_operations() {
        let mut scanner = Scanner::new(100, 100);
        scanner.feed(br#"{"serverSeq":2,"#).unwrap();
        assert_eq!(scanner.head(), None);
        scanner.feed(br#""ops" : [{"a":"#).unwrap();
        let head: Value = serde_json::from_slice(&scanner.head().unwrap()).unwrap();
        assert_eq!(head, json!({ "serverSeq": 2, "ops": [] }));
    }

    #[test]
    fn a_string_that_says_ops_is_no_name() {
        let (ops, around) = scan(r#"{"a":"ops","b":[1,2]}"#, 1);
        assert_eq!((ops.len(), around), (0, json!({ "a": "ops", "b": [1, 2] })));
        let (ops, _) = scan(r#"{"ops":{"b":[1,2]}}"#, 1);
        assert_eq!(ops.len(), 0);
    }

    #[test]
    fn what_is_too_large_ends_the_scan() {
        let mut scanner = Scanner::new(20, 10);
        assert!(scanner.feed(br#"{"snapshot":"0123456789"#).is_err());
        let mut scanner = Scanner::new(20, 10);
        assert!(scanner.feed(br#"{"ops":[{"a":"#).is_ok());
        assert_eq!(scanner.feed(b"\"01234567"), Err(TooLarge("an operation")));
    }
}
