-- Reads a one-time token.
-- KEYS[1]  token
-- ARGV[1]  hash of the secret
-- Returns  'none', 'secret' (it does not match), 'corrupt', or the record, joined by newlines, without its hash
local record = load(KEYS[1])
local refused = refusal(record, ARGV[1])
-- A move of the slot may have put off the end of the key, and not that of the token.
local expires = not refused and string.match(record.t, ' (%d+)$')
if expires and clock() > tonumber(expires) then refused = 'none' end
return refused or text(record)
