import { logIn } from "../actions";

export default async function LogInPage({ searchParams }: PageProps<"/login">) {
  const { returnTo, error } = await searchParams;
  return (
    <form action={logIn}>
      {error === "blocked" ? <p role="alert">This account is blocked.</p> : null}
      <input type="hidden" name="returnTo" value={String(returnTo ?? "")} />
      <input name="user" aria-label="User" />
      <button type="submit">Log in</button>
    </form>
  );
}
