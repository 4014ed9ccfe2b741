import { defineConfig } from 'tsup'

const doors = {
  index: 'src/index.ts',
  auth: 'src/auth/index.ts',
  coap: 'src/listeners/coap/index.ts',
  contracts: 'src/contracts/index.ts',
  dialects: 'src/dialects/index.ts',
  http: 'src/listeners/http/index.ts',
  memory: 'src/listeners/memory/index.ts',
  'memory-store': 'src/store/memory/index.ts',
  mqtt: 'src/listeners/mqtt/index.ts',
  sqlite: 'src/store/sqlite/index.ts',
  testing: 'src/testing/index.ts',
  tls: 'src/tls/index.ts',
  websocket: 'src/listeners/websocket/index.ts',
}

export default defineConfig({
  // The worker is found beside the chunk that starts it; the command line is nobody's import.
  entry: { ...doors, 'sqlite-worker': 'src/store/sqlite/worker.ts', thingmesh: 'src/cli/main.ts' },
  format: 'esm',
  target: 'node22',
  platform: 'node',
  // `node:sqlite` has no name without the prefix.
  removeNodeProtocol: false,
  // As in core's: `AsyncDisposable` is younger than the `lib` that a compiler may be given.
  dts: { entry: doors, banner: '/// <reference lib="esnext.disposable" />' },
  clean: true,
})
