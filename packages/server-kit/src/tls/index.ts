export { type ReloadableTlsIdentity, type TlsIdentityOptions, tlsIdentity } from './identity.ts'
export type { TlsCertificate, TlsMaterial } from './material.ts'
