import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    mqtt: 'src/bindings/mqtt/index.ts',
    coap: 'src/bindings/coap/index.ts',
    'mqtt-client': 'src/client/mqtt/index.ts',
    testing: 'src/testing/index.ts',
    cbor: 'src/codec/cbor/index.ts',
    senml: 'src/codec/senml/index.ts',
    'senml-cbor': 'src/codec/senml/cbor.ts',
    schema: 'src/schema/index.ts',
    'schema-cbor': 'src/schema/cbor.ts',
    'schema-senml': 'src/schema/senml.ts',
    'schema-senml-cbor': 'src/schema/senml-cbor.ts',
  },
  format: 'esm',
  target: 'es2022',
  // As a dependency it would bring cbor-extract along, which is optional to it, and which npm builds at every install.
  noExternal: ['cbor-x'],
  // Where a compiler is given an older `lib`, and no Node's types, nobody else says what `AsyncDisposable` is.
  dts: { banner: '/// <reference lib="esnext.disposable" />' },
  clean: true,
})
