import type { ListenerContext } from '../../contracts/index.ts'

/** What the interface needs of a hub, wherever it is mounted: `{ ingress: hub.ingress, meter: hub.meter, onFault }`. */
export type HandlerContext = Pick<ListenerContext, 'ingress' | 'meter' | 'onFault'>
