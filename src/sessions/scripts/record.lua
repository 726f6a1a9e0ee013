-- The session record, as every script after this prelude reads and writes it. A hash with these fields:
--   h   SHA-256 of the secret, base64url
--   t   times: created, authenticated, idle timeout, absolute deadline. The first is epoch ms, all others are ms; the
--       second ("-" for a guest) and the fourth count from the first
--   s   last seen, ms from the creation; only if the absolute deadline cuts the session short (see below)
--   u   user id, JSON-escaped; absent for a guest
--   i   client's IP address, a its user agent, both JSON-escaped; absent if not given
--   c   whether the client keeps its token when it closes, 1 or 0; absent if its log-in did not say
--   v   how often the claims were changed; absent for never
--   n   id of its successor: the session that a rotation with grace has put in this one's place
--   p   id of its predecessor: the session in whose place the last rotation with grace has put this one
--   g   id of the first session of a guest, if this one has come from it by rotations
--   :…  one claim: its name JSON-escaped, its value JSON
-- Successor and predecessor are partners: until the grace ends both are live, and what happens to one happens to both.
-- The key ends with the session, so its TTL tells when the session was last seen: one idle timeout before its end. If the
-- session ends at its absolute deadline, the TTL cannot tell that, so s does; if s is absent, the TTL is right even then.
-- No field or value holds a newline, so a script gives a session as its end (epoch ms), the name of the call or '' (see get.lua),
-- the ms it has left, the value of t, and all other fields and values but the hash, joined by newlines. A session lives for as
-- long as its key exists, and never beyond its absolute deadline (see is_over); nothing else decides that.
-- Needs prelude.lua before it.

-- How many ms more than its idle timeout a session may have left: the clock of Redis can go back, for instance after a
-- failover, and TIME of ioredis-mock is not exact.
local slack = 2000

-- By how much a move may put off the end of a key, ms. MIGRATE tells the other node how long a key has yet to live, not until
-- when, so the time of its journey is added to its life. redis-cli lets it take a minute.
local drift = 60000

-- Whether a session with these times is over, although its key is still there: its absolute deadline has passed, and a move
-- has put off the end of its key. A key that ends even later is what somebody did by hand.
local function is_over(key, times, now)
  local created, absolute = string.match(times or '', '^(%d+) %S+ %d+ (%d+)$')
  if not created or now <= created + absolute then return false end
  local ends = tonumber(redis.call('PEXPIRETIME', key))
  return ends >= 0 and ends <= created + absolute + drift
end

-- Whether there is anything under the key of a session that may still be served, or that somebody else has written.
local function lives(key, now)
  if redis.call('EXISTS', key) == 0 then return false end
  local is_hash, fields = pcall(redis.call, 'HMGET', key, 't')
  return not (is_hash and type(fields[1]) == 'string' and is_over(key, fields[1], now))
end

-- A session: its record, its end, and how many ms it has left. nil if there is none, or it is over.
local function open(key)
  local record = load(key)
  if not record then return nil end
  local ends, left = tonumber(call('PEXPIRETIME', key)), tonumber(call('PTTL', key))
  if is_over(key, record.t, ends - left) then return nil end
  return record, ends, left
end

-- The same without the claims: it takes as long for a hundred claims as for none.
local function glance(key)
  local fields = { 'h', 't', 's', 'n', 'p' }
  local found, record = call('HMGET', key, unpack(fields)), {}
  for i, field in ipairs(fields) do
    -- An absent field is false; on ioredis-mock it is another value that is not a text.
    if type(found[i]) == 'string' and found[i] ~= '' then record[field] = found[i] end
  end
  if not record.h and not record.t and redis.call('EXISTS', key) == 0 then return nil end
  local ends, left = tonumber(call('PEXPIRETIME', key)), tonumber(call('PTTL', key))
  if is_over(key, record.t, ends - left) then return nil end
  return record, ends, left
end

-- The id of the partner of a session; nil if it has none. The partner may have ended.
local function partner_of(record)
  return record.n or record.p
end

-- A session as text, without the secret's hash.
local function told(record, ends, left)
  local parts = { digits(ends), '', digits(left), record.t or '' }
  for field, value in pairs(record) do
    if field ~= 'h' and field ~= 't' then
      parts[#parts + 1] = field
      parts[#parts + 1] = value
    end
  end
  return table.concat(parts, '\n')
end

-- The times of a session: created, authenticated ("-" for a guest), last seen, idle timeout, absolute deadline. nil if
-- somebody else has written the record or the TTL: the session has no end, more left than a touch gives, or is past its
-- absolute deadline by more than a move of its slot explains.
local function times(record, ends, left)
  local created, authenticated, idle, absolute = string.match(record.t or '', '^(%d+) (%S+) (%d+) (%d+)$')
  if not created then return nil end
  if not string.find(record.s or '0', '^%d+$') or not string.find(record.v or '0', '^%d+$') then return nil end
  created, idle, absolute = tonumber(created), tonumber(idle), tonumber(absolute)
  local now = ends - left
  if left < 0 or ends - idle > math.max(now, created) + slack or now > created + absolute then return nil end
  local seen = ends - created - idle
  if record.s and ends >= created + absolute then seen = tonumber(record.s) end
  return created, authenticated, seen, idle, absolute
end

-- The times as a field of the record.
local function times_of(created, authenticated, idle, absolute)
  return string.format('%.0f %s %.0f %.0f', created, authenticated, idle, absolute)
end

-- Tells the processes that listen which sessions have ended, and by its letter why, or '~' for claims that have changed: see
-- feed.ts. `keys` is what the names of all keys of the user begin with, and so with the hash tag of five characters and a colon
-- at its end. It comes after the writes. A user of Redis who may not publish ends sessions all the same.
local function tell(keys, letter, ids)
  if #ids == 0 then return end
  redis.pcall('PUBLISH', string.sub(keys, 1, -7) .. 'near', letter .. ' ' .. table.concat(ids, ' '))
end

-- Why sessions end: its letter (see feed.ts), a note of the caller, JSON-escaped, and for how many ms each of them leaves its
-- ending behind; 0 for not at all.
local function cause(letter, note, ms)
  return { letter = letter, note = note, ms = tonumber(ms) }
end

-- The ending of a session: what it leaves for its bearer, who may want to know why it has ended. A text, so it is no session,
-- under a key of its own: the hash of the secret, the letter of the reason, the instant, epoch ms, and the note, which may be
-- empty, joined by spaces. A verb that ends a session leaves it under `x:`; a rotation with grace leaves the one that the session
-- will have after the grace under `y:`. Were both one key, the first could be on the node that the slot is leaving when the
-- other node makes the second, and the move could not be finished. Returns whether this node could keep it: one that the slot is
-- leaving can make no new key.
local function leave_ending(key, hash, why, at, ms)
  return (call_here('SET', key, hash .. ' ' .. why.letter .. ' ' .. digits(at) .. ' ' .. why.note, 'PX', digits(ms)))
end

-- The hashes of the secrets of sessions that are about to end, by id; nil if none leaves an ending.
local function hashes_of(sessions, ids, why)
  if why.ms == 0 or #ids == 0 then return nil end
  local hashes = {}
  for _, id in ipairs(ids) do
    local is_hash, fields = pcall(redis.call, 'HMGET', sessions .. id, 'h')
    if is_hash and type(fields[1]) == 'string' and fields[1] ~= '' then hashes[id] = fields[1] end
  end
  return hashes
end

-- Leaves the endings of sessions, if there are hashes. Returns the ids; one whose ending this node could not keep has a space
-- and its hash behind it, so that the caller can leave it.
local function leave_endings(keys, ids, why, hashes)
  if not hashes then return ids end
  local now, reported = clock(), {}
  for i, id in ipairs(ids) do
    local hash = hashes[id]
    reported[i] = hash and not leave_ending(keys .. 'x:' .. id, hash, why, now, why.ms) and id .. ' ' .. hash or id
  end
  return reported
end

-- Why the caller must not get a session: the hash is that of the caller's secret, or '' if the caller gave an id. nil: the
-- caller may get it.
local function session_refusal(record, hash, ends, left)
  local refused = refusal(record, hash)
  if not refused and not times(record, ends, left) then return 'corrupt' end
  return refused
end

-- The whereabouts of a guest: under the id of the guest's first session the id of the latest one, which a rotation leaves for so
-- many ms. So a guest's session that is rotated again and again has one key that stays, as a user's have in their index.
local WHEREABOUTS_MS = 300000

-- The most claims that a session may have. Redis takes time for each field, even a small one: this limits the time of a script
-- for one session.
local MOST_CLAIMS = 100

-- The size of all claims of a record in bytes, and their number.
local function weight(record)
  local bytes, count = 0, 0
  for field, value in pairs(record) do
    if string.sub(field, 1, 1) == ':' then
      bytes = bytes + #field - 1 + #value
      count = count + 1
    end
  end
  return bytes, count
end

-- Applies a patch to a record in memory: from ARGV[first] on, pairs of field and value ('' removes). Returns the arguments for
-- HSET and HDEL that do the same in Redis. If the claims would be more than MOST_CLAIMS or take more than `most` bytes, and
-- more than before, it also returns the reply that says so: {'many', claims} or {'size', bytes}. (Claims that are too large
-- already, because the limit was lowered, may still shrink.)
local function patched(record, first, most)
  local set, removed = {}, {}
  local bytes_before, count_before = weight(record)
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
  local bytes, count = weight(record)
  if count > MOST_CLAIMS and count > count_before then return set, removed, { 'many', count } end
  if bytes > most and bytes > bytes_before then return set, removed, { 'size', bytes } end
  return set, removed, nil
end

-- What a log-in leaves of the session that it has ended. It lives for as long as the reply of the log-in may be lost, but at
-- least ten seconds, for a second log-in of the same user on the same session (a double click). A hash with these fields:
--   n   id of the session that took its place
--   k   hash of the secret of the session that ended, which opens the trail; there is no h, so it is no session
--   l   user who has logged in, JSON-escaped; o the user whose session it was, absent for a guest
--   w   version of the claims of the session that took its place; only if that was the same user's, and made in the same step
--   v, i, a, and the claims, as the session had them; with w also t and c
local function leave_trail(trail, hash, record, id, user, previous, ms, version)
  local fields = { 'n', id, 'k', hash, 'l', user, 'v', record.v or '0' }
  if version then
    for _, pair in ipairs({ { 'w', version }, { 't', record.t }, { 'c', record.c } }) do
      if pair[2] then
        fields[#fields + 1] = pair[1]
        fields[#fields + 1] = pair[2]
      end
    end
  end
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

-- A trail as a reply; nil if there is none for the bearer of this hash who logs in as this user.
local function trail_for(key, hash, user)
  local trail = load(key)
  if not trail or trail.k ~= hash or trail.l ~= user then return nil end
  trail.n, trail.k, trail.l = nil, nil, nil
  return text(trail)
end

-- What a log-in of a user found on their own session, as that session would be now; nil if there is none for the bearer of this
-- hash who logs in as this user. It holds only while the session that took its place is as that log-in left it: after a
-- revocation of all, or a change of all, nothing from before may come back.
local function origin_in(trail, sessions, hash, user)
  local left = load(trail)
  if not left or not left.w or left.k ~= hash or left.l ~= user then return nil end
  local heir = open(sessions .. left.n)
  if not heir or heir.n or (heir.v or '0') ~= left.w then return nil end
  local record = { h = hash, u = user }
  for field, value in pairs(left) do
    if field == 't' or field == 'v' or field == 'c' or field == 'i' or field == 'a' or string.sub(field, 1, 1) == ':' then
      record[field] = value
    end
  end
  local now = clock()
  if not times(record, now, 0) then return nil end
  return record, now, 0
end
