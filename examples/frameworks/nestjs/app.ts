/** The application, which knows nothing of the platform under it. */
import { Body, Controller, Get, Header, HttpCode, Module, Post, Query, Redirect } from "@nestjs/common";
import { type RequestSession, safeReturnTo } from "coatcheck/http";
import { RequireSession, Session } from "./sessions.js";

@Controller()
export class AccountController {
  @Post("log-in")
  @HttpCode(200)
  async logIn(@Body("name") name: unknown, @Session() session: RequestSession) {
    // Check a password here.
    await session.start({ userId: String(name) });
    return { user: name };
  }

  @Post("log-out")
  @HttpCode(200)
  async logOut(@Session() session: RequestSession) {
    return { ended: await session.end() };
  }

  @Get("me")
  @RequireSession()
  me(@Session() session: RequestSession) {
    return { user: session.current?.userId };
  }

  @Get("admin")
  @RequireSession({ where: { role: "admin" } })
  admin() {
    return "the administrators' page";
  }

  @Get("login")
  @Header("Content-Type", "text/html; charset=utf-8")
  logInPage() {
    return "<form method=post><input name=name autofocus><button>Log in</button></form>";
  }

  @Post("login")
  @Redirect()
  async logInByForm(
    @Body("name") name: unknown,
    @Query("returnTo") returnTo: unknown,
    @Session() session: RequestSession,
  ) {
    // Check a password here.
    await session.start({ userId: String(name) });
    return { url: safeReturnTo(returnTo, "/account"), statusCode: 303 };
  }

  // Sends a browser without a session to the log-in page, and answers everybody else with 401.
  @Get("account")
  @RequireSession({ redirectTo: "/login" })
  account(@Session() session: RequestSession) {
    return { user: session.current?.userId };
  }
}

@Module({ controllers: [AccountController] })
export class AppModule {}
