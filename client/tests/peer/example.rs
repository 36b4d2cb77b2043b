//! The example tells its story to the end.

#[allow(dead_code, unreachable_pub)]
#[path = "../../examples/peers.rs"]
mod peers;

use super::world::in_time;

#[tokio::test]
async fn three_peers_tell_their_story() {
    let mut out = Vec::new();
    in_time(peers::run(&mut out)).await.unwrap();
    let said = String::from_utf8(out).unwrap();
    let expected = [
        "Alice founds the group \"family\".",
        "Carol tries the same code: refused.",
        "Bob is out of the tunnel; Alice and Carol see the bread.",
        "   Alice: bread, cake for Carol's birthday, milk\n",
        "     Bob: bread, cake for Carol's birthday, milk\n",
        "   Carol: bread, milk\n",
        "None of their words is in the files of the server.",
    ];
    for line in expected {
        assert!(said.contains(line), "{line:?} in {said}");
    }
}
