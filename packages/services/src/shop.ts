/** The reference shop, the same on three frameworks: a folder each. */
export { expressShop } from './shop/express/shop.ts'
export { fastifyShop } from './shop/fastify/shop.ts'
export { type NextRoute, nextShop } from './shop/next/route.ts'
