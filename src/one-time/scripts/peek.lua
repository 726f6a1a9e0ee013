-- Reads a one-time token.
-- KEYS[1]  token
-- ARGV[1]  hash of the secret
-- Returns  'none', 'secret' (it does not match), 'corrupt', or the record, joined by newlines, without its hash
local record = load(KEYS[1])
return refusal(record, ARGV[1]) or text(record)
