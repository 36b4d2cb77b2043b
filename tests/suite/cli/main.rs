//! The `syncline` program as an operator meets it: flags, output, exit codes.
