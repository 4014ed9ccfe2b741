import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'

/**
 * A UDP socket that hears its hub and nobody else. Being connected, it is also told where nobody listens there
 * (ICMP), which is the only way that UDP has to say so.
 */
export async function openSocket(host: string, port: number): Promise<Socket> {
  const { address, family } = await lookup(host, { order: 'ipv4first' })
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.connect(port, address, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  return socket
}
