# What is run again and again, by name. Each recipe is plain cargo commands: they run without just too.

# Everything that a change must pass.
test:
    .ci/run

# The engine's suites with the counts of a deep run: hours. Each line stands for itself.
deep: deep-crash deep-random deep-damage deep-full deep-crowd

# Power-cut images: some 600 different ones per workload, every step of each cut before, within and after.
deep-crash workloads="2000":
    SYNCLINE_TEST_SEEDS={{workloads}} cargo test --release -p syncline-tests --test engine crash:: -- --nocapture

# Random operations with crashes and failing calls against the model: some 30 operations a case.
deep-random cases="3500000":
    SYNCLINE_TEST_SEEDS={{cases}} cargo test --release -p syncline-tests --test engine property:: -- --nocapture

# Every bit flipped, every word any number, every file cut at every byte, of a store of this size.
deep-damage bytes="1048576":
    SYNCLINE_TEST_BYTES={{bytes}} cargo test --release -p syncline-tests --test engine damage:: -- --nocapture

# A full disk after any number of bytes.
deep-full budgets="200000":
    SYNCLINE_TEST_SEEDS={{budgets}} cargo test --release -p syncline-tests --test engine full_disk -- --nocapture

# Many threads on a disk that is cut off at any moment.
deep-crowd cases="200000":
    SYNCLINE_TEST_SEEDS={{cases}} cargo test --release -p syncline-tests --test engine crowd:: -- --nocapture
