/** What a session of the blog knows of its user: enough for every page's frame, without a look at the database. */
declare global {
  namespace Coatcheck {
    interface Claims {
      user_name: string;
      email: string;
      /** Whether the user has shown that the address is theirs. */
      email_verified: boolean;
      role: "member" | "moderator";
    }
  }
}

export type Claims = Coatcheck.Claims;
