-- Reads what a log-in left of the session that it ended, for another log-in of the same user on the same session.
-- KEYS[1]  trail
-- ARGV[1]  hash of the secret of the session
-- ARGV[2]  user who logs in, JSON-escaped
-- Returns  'none' (or it is another's), or the trail, joined by newlines
return trail_for(KEYS[1], ARGV[1], ARGV[2]) or 'none'
