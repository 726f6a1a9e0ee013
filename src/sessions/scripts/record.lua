-- The session record, as every script after this prelude reads and writes it. A hash with these fields:
--   h   SHA-256 of the secret, base64url
--   t   times: created, authenticated, last seen, idle timeout, absolute deadline. The first is epoch ms, all others
--       are ms; the second ("-" for a guest), third and fifth count from the first
--   u   user id, JSON-escaped; absent for a guest
--   i   client's IP address, a its user agent, both JSON-escaped; absent where not given
--   v   how often the claims were changed; absent for never
--   w   marks of the latest eight changes by a function, 8 characters each, newest first; absent for none
--   n   id of its successor: the session that a rotation with grace has put in this one's place
--   p   id of its predecessor: the session in whose place the last rotation with grace has put this one
--   :…  one claim: its name JSON-escaped, its value JSON
-- Nothing in a field or value holds a newline, so a record travels as its fields and values joined by newlines.
-- Successor and predecessor are partners: until the grace ends, both are live, and what happens to one happens to both.
-- Needs prelude.lua before it.

-- The times of a record: created, authenticated ("-" for a guest), last seen, idle timeout, absolute deadline.
local function times(record)
  local created, authenticated, seen, idle, absolute = string.match(record.t, '^(%d+) (%S+) (%d+) (%d+) (%d+)$')
  return tonumber(created), authenticated, tonumber(seen), tonumber(idle), tonumber(absolute)
end

-- The id of the partner of a session; nil where it has none. The partner may have ended.
local function partner_of(record)
  return record.n or record.p
end

-- When a session with these times expires, epoch ms.
local function deadline(created, seen, idle, absolute)
  return created + math.min(seen + idle, absolute)
end

-- The bytes that all claims of a record take.
local function weight(record)
  local bytes = 0
  for field, value in pairs(record) do
    if string.sub(field, 1, 1) == ':' then bytes = bytes + #field - 1 + #value end
  end
  return bytes
end

-- Applies a patch, ARGV[first] on as pairs of field and value ('' removes), to a record in memory. Returns what HSET and
-- HDEL need to do the same in Redis; and, where all claims would take more than `most` bytes and more than before, how
-- many that would be. (What is too large already, because the limit was lowered, may still shrink.)
local function patched(record, first, most)
  local set, removed, before = {}, {}, weight(record)
  for i = first, #ARGV, 2 do
    local field, value = ARGV[i], ARGV[i + 1]
    if value == '' then
      record[field] = nil
      removed[#removed + 1] = field
    else
      record[field] = value
      set[#set + 1] = field
      set[#set + 1] = value
    end
  end
  local after = weight(record)
  return set, removed, after > most and after > before and after or nil
end

-- What a log-in leaves of the session that it ended: for as long as its own reply may get lost, but at least ten seconds, for
-- a second log-in of the same user on the same session (a double click). A hash with these fields:
--   n   id of the session that took its place
--   k   hash of the secret of the session that ended, which opens the trail; there is no h, so it is no session
--   l   user who has logged in, JSON-escaped; o the user whose session it was, absent for a guest
--   v, i, a, and the claims, as the session had them
local function leave_trail(trail, hash, record, id, user, previous, ms)
  local fields = { 'n', id, 'k', hash, 'l', user, 'v', record.v or '0' }
  for field, value in pairs(record) do
    if field == 'i' or field == 'a' or string.sub(field, 1, 1) == ':' then
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
  end
  if previous then
    fields[#fields + 1] = 'o'
    fields[#fields + 1] = previous
  end
  call_many('HSET', trail, fields)
  redis.call('PEXPIREAT', trail, digits(clock() + math.max(10000, ms)))
end

-- A trail as a reply; nil where there is none for the bearer of this hash who logs in as this user.
local function trail_for(key, hash, user)
  local trail = load(key)
  if not trail or trail.k ~= hash or trail.l ~= user then return nil end
  trail.n, trail.k, trail.l = nil, nil, nil
  return text(trail)
end
