import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', mqtt: 'src/mqtt.ts', http: 'src/http.ts' },
  format: 'esm',
  target: 'es2022',
  dts: true,
  clean: true,
})
