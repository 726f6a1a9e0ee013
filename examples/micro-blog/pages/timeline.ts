/** The timeline: everybody reads it, and who is logged in writes, likes and retweets. */
import { requireSession } from "coatcheck/express";
import { type Request, type Response, Router } from "express";
import { field, localPath, pageNumber } from "../forms.ts";
import { type Content, type Html, html } from "../html.ts";
import { HttpError } from "../http-error.ts";
import { type Entry, MAX_TEXT, type Posts } from "../posts.ts";
import { alert } from "./fields.ts";
import { ago, avatar, pager, redirect, send } from "./layout.ts";

export function timelinePages(posts: Posts): Router {
  const router = Router();

  router.get("/", (req, res) => {
    const { draft } = req.query;
    return show(req, res, 200, typeof draft === "string" ? { draft } : {});
  });

  router.post("/posts", requireSession(), async (req, res) => {
    const { user_name } = req.session.require().claims;
    const text = field(req, "text").replaceAll("\r\n", "\n").trim();
    const length = [...text].length;
    if (length === 0) return show(req, res, 422, { problem: "Write something first." });
    if (length > MAX_TEXT) {
      return show(req, res, 422, { draft: text, problem: `That is ${length} characters; ${MAX_TEXT} fit.` });
    }
    await posts.write(user_name, text);
    redirect(res, "/");
  });

  router.post("/posts/:id/like", requireSession(), async (req, res) => {
    const { user_name } = req.session.require().claims;
    const known = await posts.like(String(req.params["id"]), user_name, field(req, "like") !== "off");
    if (!known) throw new HttpError(404, "There is no such post.");
    redirect(res, localPath(field(req, "back")));
  });

  router.post("/posts/:id/retweet", requireSession(), async (req, res) => {
    const { user_name } = req.session.require().claims;
    const known = await posts.retweet(String(req.params["id"]), user_name, field(req, "retweet") !== "off");
    if (!known) throw new HttpError(404, "There is no such post.");
    redirect(res, localPath(field(req, "back")));
  });

  async function show(req: Request, res: Response, status: number, form: { draft?: string; problem?: string } = {}) {
    const page = pageNumber(req);
    const reader = req.session.current?.claims.user_name;
    const { entries, hasMore } = await posts.timeline(reader, page);
    const body = html`<h1>Timeline</h1>
      ${reader === undefined ? invitation() : composer(form)}
      <div${page === 1 && html` id="posts"`}>
      ${entries.length > 0 ? entries.map((entry) => article(entry, reader, page)) : empty(reader, page)}
      </div>
      ${entries.length > 0 && pager(page, hasMore)}`;
    send(req, res, { title: "Timeline", body, status });
  }

  return router;
}

function composer({ draft = "", problem }: { draft?: string; problem?: string }): Html {
  return html`<form class="card composer" method="post" action="/posts">
        ${alert(problem)}
        <label for="text">What is new?</label>
        <textarea id="text" name="text" rows="3" maxlength="${MAX_TEXT}" required>${draft}</textarea>
        <div class="row"><span class="hint">Up to ${MAX_TEXT} characters</span><button>Post</button></div>
      </form>`;
}

function invitation(): Html {
  return html`<p class="card invitation">
        <a href="/login">Log in</a> to write, like and retweet, or <a href="/signup">sign up</a>: it takes a minute.
      </p>`;
}

function empty(reader: string | undefined, page: number): Html {
  if (page > 1) return html`<p class="empty">There is nothing older. <a href="/">Back to the newest</a></p>`;
  return html`<p class="empty"><strong>It is quiet here.</strong>
        ${reader === undefined ? "Nobody has written anything yet." : "Write the first post: the field is right above."}</p>`;
}

/** A post as `reader` sees it on a page of the timeline. */
export function article(entry: Entry, reader: string | undefined, page: number): Html {
  const { id, author, text, createdAt, retweetedBy } = entry;
  return html`<article class="card post" id="post-${id}${retweetedBy !== undefined && `-${retweetedBy}`}">
        ${retweetedBy !== undefined && html`<p class="retweeted">${RETWEET} ${retweetedBy === reader ? "You" : retweetedBy} retweeted</p>`}
        <header>${avatar(author)}<div class="by"><strong>${author}</strong><span class="when">${ago(createdAt)}</span></div></header>
        <p class="text">${text}</p>
        <footer>${marks(entry, reader, page)}</footer>
      </article>`;
}

function marks({ id, likes, retweets, isLiked, isRetweeted }: Entry, reader: string | undefined, page: number) {
  const mark = (action: "like" | "retweet", icon: Html, count: number, isOn: boolean): Content => {
    const name = `${action === "like" ? "Like" : "Retweet"}s`;
    if (reader === undefined)
      return html`<span class="mark">${icon}<span class="hidden">${name}:</span> ${count}</span>`;
    // Where the reader comes back to: the page of the timeline, at this post.
    return html`<form method="post" action="/posts/${id}/${action}">
          <input type="hidden" name="back" value="/?page=${page}#post-${id}">
          <button class="mark ${action}" name="${action}" value="${isOn ? "off" : "on"}" aria-pressed="${isOn ? "true" : "false"}">
            ${icon}<span class="hidden">${action === "like" ? "Like" : "Retweet"}</span> ${count}
          </button>
        </form>`;
  };
  return [mark("like", HEART, likes, isLiked), mark("retweet", RETWEET, retweets, isRetweeted)];
}

const HEART = html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 20.5C5 15.5 2.5 12 2.5 8.6A5 5 0 0 1 12 6.2a5 5 0 0 1 9.5 2.4c0 3.4-2.5 6.9-9.5 11.9z"/></svg>`;
const RETWEET = html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 13v-2a4 4 0 0 1 4-4h10M15 4l3 3-3 3M20 11v2a4 4 0 0 1-4 4H6M9 20l-3-3 3-3"/></svg>`;
