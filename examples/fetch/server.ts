import { serve } from "@hono/node-server";
import app from "./app.ts";

serve(app, ({ port }) => console.log(`http://127.0.0.1:${port}`));
