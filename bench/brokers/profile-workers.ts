// Loaded before a hub that is to be profiled. A worker that is given flags of its own does not inherit `--cpu-prof`
// from its process; here it gets what the process was started with.
import { syncBuiltinESMExports } from 'node:module'
import threads from 'node:worker_threads'

const flags = process.execArgv.filter(flag => flag.startsWith('--cpu-prof'))

class ProfiledWorker extends threads.Worker {
  constructor(file: string | URL, options: threads.WorkerOptions = {}) {
    super(file, { ...options, execArgv: [...(options.execArgv ?? process.execArgv), ...flags] })
  }
}

threads.Worker = ProfiledWorker
syncBuiltinESMExports()
