import { redirect } from "next/navigation";
import { pageSession } from "../../sessions/page";
import { logOut } from "../actions";

export default async function AccountPage() {
  // Here too, and not in the proxy alone: whatever shows data asks who it is for.
  const session = await pageSession();
  if (session === null) redirect("/login?returnTo=/account");
  return (
    <main>
      <p>
        {session.userId} is a {session.claims.role}
      </p>
      <form action={logOut}>
        <button type="submit">Log out</button>
      </form>
    </main>
  );
}
