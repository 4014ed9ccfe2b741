// User properties (MQTT 5, section 2.2.2.2) that mean something between a client and a hub of ours. Others ignore them.

/** Of PUBLISH: the draft's idempotency key. It is passed on like the others. */
export const keyProperty = 'idempotency-key'

/**
 * Of a refusal by a hub of ours: which of our errors it is. One reason code stands for several of them, and whether a message may
 * be taken later is not the same for all of those.
 */
export const errorProperty = 'error'

/**
 * Of SUBACK, in a session that was there before, as `subscription: new`: what is subscribed to was not among its subscriptions, and what was published
 * before does not come. So it is when a right was taken away and given back before the peer came back.
 */
export const subscriptionProperty = 'subscription'

/**
 * Of CONNECT: asks for a larger Receive Maximum than a hub gives by itself. A decimal number, 1 to 65,535. What the client is given
 * stands in CONNACK (section 3.2.2.3.3).
 */
export const receiveMaximumProperty = 'server-receive-maximum'
