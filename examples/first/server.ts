import { createSessionStore } from "coatcheck";
import { requireSession, sessions } from "coatcheck/express";
import express from "express";
import { Redis } from "ioredis";

const { PORT = "3000", REDIS_URL = "redis://127.0.0.1:6379", NODE_ENV } = process.env;
const store = createSessionStore(new Redis(REDIS_URL, { socketTimeout: 5000 }));
const app = express();
// Without HTTPS, as in development, the cookie must not be `Secure`.
app.use(express.json(), sessions(store, { cookie: { secure: NODE_ENV === "production" } }));

app.post("/login", async (req, res) => {
  // Check the password here.
  await req.session.start({ userId: req.body.user, claims: { role: "member" } });
  res.json(`welcome, ${req.body.user}`);
});
app.get("/me", requireSession(), (req, res) => res.json(req.session.current?.claims));
app.post("/logout", async (req, res) => res.json(await req.session.end()));
// For moderators: ends every session of the user, and refuses the next log-in.
app.post("/users/:id/block", async (req, res) => res.json(await store.blockUser(req.params.id)));

app.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`));
