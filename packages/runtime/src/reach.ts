/**
 * Which addresses a program may be sent to by somebody else's registration (server-side request forgery): the addresses of the public
 * Internet and no other. Names are judged by what they resolve to, at the moment of connecting, so that a name that resolves to something
 * else the second time gains nothing.
 */
import { BlockList, isIP } from 'node:net'

/**
 * How far calls reach. `public`: to globally reachable unicast addresses. `town`: also to names under `localhost`, where a town's services
 * live; an address of the loopback written as a number stays out of reach.
 */
export type Reach = 'public' | 'town'

/** Whether a name is the loopback's own (RFC 6761 §6.3). */
export function isLocalName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '')
  return name === 'localhost' || name.endsWith('.localhost')
}

/** Whether an IP address, as text, is one of the public Internet. False for whatever is no address. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special4.check(address, 'ipv4')
    case 6:
      // Of IPv6 only 2000::/3 is given out for global unicast (IANA), which leaves mapped and translated addresses out.
      return global6.check(address, 'ipv6') && !special6.check(address, 'ipv6')
    default:
      return false
  }
}

/** Blocks that are not globally reachable: IANA special-purpose registry (RFC 6890), multicast and reserved. */
const special4 = blocks('ipv4', [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
])

const global6 = blocks('ipv6', ['2000::/3'])

/** IANA special-purpose registry for IPv6, within 2000::/3. 2002::/16 carries IPv4 addresses inside. */
const special6 = blocks('ipv6', [
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
])

function blocks(family: 'ipv4' | 'ipv6', subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [address = '', bits] = subnet.split('/')
    list.addSubnet(address, Number(bits), family)
  }
  return list
}
