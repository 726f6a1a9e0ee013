/** The application, which knows nothing of the platform under it. */
import { Body, Controller, Get, HttpCode, Module, Post } from "@nestjs/common";
import type { RequestSession } from "coatcheck/http";
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
}

@Module({ controllers: [AccountController] })
export class AppModule {}
