/** The shop's own database: users, products, orders, and the history of log-ins. Sessions are not in it. */
import { PGlite } from "@electric-sql/pglite";

/** What the shop needs of a PostgreSQL client. */
export type Database = Pick<PGlite, "query" | "exec" | "transaction">;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    password text NOT NULL,
    premium boolean NOT NULL DEFAULT false
  );
  CREATE TABLE IF NOT EXISTS products (
    id text PRIMARY KEY,
    name text NOT NULL,
    cents integer NOT NULL
  );
  CREATE TABLE IF NOT EXISTS orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users,
    placed_at timestamptz NOT NULL DEFAULT now(),
    cents integer NOT NULL
  );
  ALTER TABLE orders ADD COLUMN IF NOT EXISTS reservation uuid;
  CREATE TABLE IF NOT EXISTS order_lines (
    order_id bigint NOT NULL REFERENCES orders,
    product_id text NOT NULL REFERENCES products,
    quantity integer NOT NULL,
    cents integer NOT NULL,
    PRIMARY KEY (order_id, product_id)
  );
  CREATE TABLE IF NOT EXISTS login_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    user_id bigint NOT NULL REFERENCES users,
    session_id text NOT NULL,
    event text NOT NULL,
    user_agent text
  );
  CREATE INDEX IF NOT EXISTS login_history_of_user ON login_history (user_id, id);
  INSERT INTO products (id, name, cents) VALUES
    ('apron', 'Linen apron', 3900),
    ('kettle', 'Enamel kettle', 5400),
    ('mug', 'Stoneware mug', 1600),
    ('spoon', 'Olive wood spoon', 900)
  ON CONFLICT DO NOTHING;
`;

/** Opens the embedded PostgreSQL: in a folder, or in memory. */
export async function openDatabase(folder?: string): Promise<PGlite> {
  const db = await PGlite.create(folder === undefined ? {} : { dataDir: folder });
  await db.exec(SCHEMA);
  return db;
}
