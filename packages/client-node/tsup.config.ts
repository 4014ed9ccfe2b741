import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', mqttjs: 'src/transports/mqttjs/index.ts' },
  format: 'esm',
  target: 'es2022',
  dts: true,
  clean: true,
})
