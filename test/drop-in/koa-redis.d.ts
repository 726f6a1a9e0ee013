/** What the tests use of koa-redis, which has no types. */
declare module "koa-redis" {
  export default function koaRedis(options: { client: object }): object;
}
