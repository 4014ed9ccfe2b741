/**
 * The user property of a refusal by a hub of ours (MQTT 5, section 2.2.2.2) that says which of our errors it is: one reason
 * code stands for several of them, and whether a message may be taken later is not the same for all of those.
 */
export const errorProperty = 'error'
