#!/usr/bin/env node
import { run } from './run.ts'
import type { Terminal } from './terminal.ts'

const echoMs = 200

const terminal: Terminal = {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  onSignal(listener) {
    process.on('SIGINT', listener).on('SIGTERM', listener)
    // Whoever runs us (npm, a shell, a supervisor) may pass on a Ctrl-C that we had from the terminal already: what
    // comes right after the first signal is the first signal.
    return () => setTimeout(() => process.off('SIGINT', listener).off('SIGTERM', listener), echoMs).unref()
  },
  onHangup(listener) {
    process.on('SIGHUP', listener)
    return () => process.off('SIGHUP', listener)
  },
}

// A write that fails is answered where it was made; without a listener it would also end the process.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
// Not left to end by itself: an idle connection or an unread stdin would keep it.
process.exit(await run(process.argv.slice(2), terminal))
