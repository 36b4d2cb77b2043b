//! Random requests of several clients, with restarts between them, against a plain model: every answer
//! is the one it says.

use serde_json::{Value, json};
use syncline_tests::{
    dice::{Dice, seeds},
    oplog::{Client, body, op},
    server::TestServer,
};

const STEPS: u32 = 200;

/// A dataset as the specification has it.
struct Model {
    key: String,
    snapshot: String,
    used: Vec<String>,
    ops: Vec<Value>,
}

impl Model {
    fn stale(&self) -> (u16, Value) {
        (409, json!({ "datasetGenerationKey": self.key, "snapshot": self.snapshot }))
    }

    fn head(&self) -> (u16, Value) {
        (200, json!({ "datasetGenerationKey": self.key, "serverSeq": self.ops.len() }))
    }

    fn push(&mut self, key: &str, ops: &[Value]) -> (u16, Value) {
        if key != self.key && !key.is_empty() {
            return self.stale();
        }
        for op in ops {
            let same = |known: &&Value| {
                ["scope", "resourceId", "actor", "clock"].iter().all(|f| known[f] == op[f])
            };
            if self.ops.iter().find(same).is_none() {
                let mut stored = op.clone();
                stored["serverSeq"] = json!(self.ops.len() + 1);
                self.ops.push(stored);
            }
        }
        let must_be_told = key.is_empty() && !self.snapshot.is_empty();
        if must_be_told { self.stale() } else { self.head() }
    }

    fn pull(&self, key: &str, since: usize) -> (u16, Value) {
        if key != self.key {
            return self.stale();
        }
        let mut answer = self.head().1;
        answer["ops"] = json!(self.ops.get(since..).unwrap_or_default());
        (200, answer)
    }

    fn bootstrap(&self) -> (u16, Value) {
        let mut answer = self.pull(&self.key, 0).1;
        answer["snapshot"] = json!(self.snapshot);
        (200, answer)
    }

    fn reset(&mut self, key: &str, snapshot: &str) -> (u16, Value) {
        if self.used.iter().any(|used| used == key) {
            return (409, json!({ "error": "datasetGenerationKey already exists" }));
        }
        self.used.push(key.into());
        (self.key, self.snapshot) = (key.into(), snapshot.into());
        self.ops.clear();
        self.head()
    }

    /// The active key, or one that was, will be, or is none.
    fn any_key(&self, dice: &mut Dice) -> String {
        match dice.below(10) {
            0 => String::new(),
            1 => "never".into(),
            2 => self.used[dice.below(self.used.len() as u64) as usize].clone(),
            _ => self.key.clone(),
        }
    }
}

fn ops(dice: &mut Dice) -> Vec<Value> {
    let mut one = || {
        let actor = ["a", "b", "c"][dice.below(3) as usize];
        let mut op = op(actor, 1 + dice.below(12), &json!(dice.roll().to_string()));
        op["scope"] = json!(["list", "registry"][dice.below(2) as usize]);
        op
    };
    let first = one();
    let mut ops = vec![first];
    while ops.len() < 6 && one()["clock"].as_u64() < Some(8) {
        ops.push(one());
    }
    ops
}

#[test]
fn every_answer_is_that_of_the_model() {
    for seed in 0..seeds(3) {
        let mut dice = Dice::new(seed);
        let mut server = TestServer::start(|_| ());
        let connect =
            |server: &TestServer| ["x", "y", "z"].map(|name| Client::new(server.address(), name));
        let mut clients = connect(&server);
        let key = clients[0].key();
        let (used, ops_known) = (vec![key.clone()], Vec::new());
        let mut model = Model { key, snapshot: String::new(), used, ops: ops_known };
        for step in 0..STEPS {
            let client = &mut clients[dice.below(3) as usize];
            let (answer, expected) = match dice.below(30) {
                0..14 => {
                    let (key, ops) = (model.any_key(&mut dice), ops(&mut dice));
                    (client.push(&key, &ops), model.push(&key, &ops))
                }
                14..24 => {
                    let key = model.any_key(&mut dice);
                    let since = dice.below(model.ops.len() as u64 + 3);
                    (client.pull(&key, since, ""), model.pull(&key, since as usize))
                }
                24..26 => (client.get("/sync/bootstrap"), model.bootstrap()),
                26..28 => {
                    let fresh = dice.below(3) > 0;
                    let key = if fresh { format!("key-{step}") } else { model.used[0].clone() };
                    let snapshot = ["", "\0 no JSON \u{1f600}"][dice.below(2) as usize];
                    (client.reset(&key, snapshot), model.reset(&key, snapshot))
                }
                _ => {
                    // Those whom an answer refused something would be listened to for a while.
                    drop(clients);
                    server = TestServer::start_in(server.stop(), |_| ());
                    clients = connect(&server);
                    (clients[0].get("/sync/bootstrap"), model.bootstrap())
                }
            };
            assert_eq!((answer.status, body(&answer)), expected, "seed {seed}, step {step}");
        }
    }
}
