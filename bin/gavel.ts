/** The command: reads the arguments, runs one of `commands/`, and turns what happens into an exit code. */
process.exitCode = 2;
