-- Voids the one-time token of a subject. The log stays: it still counts, and a token that is issued again finds itself.
-- KEYS[1]  log of the subject: a list of when and id, newest first
-- KEYS[2]  prefix of the tokens, completed with the id in the log
-- Returns  1, 0 where no token was valid, or 'corrupt' (the log is not of coatcheck's making)
local latest = call('LINDEX', KEYS[1], 0)
if not latest then return 0 end
local id = string.match(latest, '^%d+ (%w+)$')
if not id then return 'corrupt' end
return redis.call('DEL', KEYS[2] .. id)
