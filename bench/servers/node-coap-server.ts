// node-coap as its own documentation starts it: values in memory, by path. The first line on standard output is the port.
import { createSocket } from 'node:dgram'
import { createServer } from 'coap'

const values = new Map<string, Buffer>()
const server = createServer((request, response) => {
  switch (request.method) {
    case 'GET': {
      const value = values.get(request.url)
      response.code = value === undefined ? '4.04' : '2.05'
      response.end(value)
      return
    }
    case 'PUT':
    case 'POST':
      values.set(request.url, request.payload)
      response.code = '2.04'
      response.end()
      return
    default:
      response.code = '4.05'
      response.end()
  }
})
const socket = createSocket('udp4')
socket.bind(0, '127.0.0.1', () => {
  server.listen(socket)
  process.stdout.write(`${socket.address().port}\n`)
})
