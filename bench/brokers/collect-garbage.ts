// Loaded before a hub whose memory is measured: SIGUSR2 collects its garbage, so that what was left over from before is
// not taken for room that nobody needed.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
process.on('SIGUSR2', () => collect())
