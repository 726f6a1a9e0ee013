-- The index of a user: a sorted set of session ids. The score is an upper bound of the session's end, epoch ms, at most one
-- idle timeout above it, so that a slide seldom has to change it. Only its key tells whether a session lives: a score only
-- tells when to check that. Needs record.lua before it.

-- The score of a session with this end.
local function bound(ends, created, idle, absolute)
  return math.min(ends + idle, created + absolute)
end

-- Makes the index live as long as its latest member, and no longer, whatever TTL somebody may have given it.
local function settle(index)
  local last = call('ZRANGE', index, -1, -1, 'WITHSCORES')
  local ends = tonumber(last[2])
  if not ends or ends == tonumber(redis.call('PEXPIRETIME', index)) then return end
  -- PEXPIREAT deletes a key that ends in this ms, but a session still lives in its last one.
  if ends <= clock() then ends = ends + 1 end
  redis.call('PEXPIREAT', index, digits(ends))
end

-- The keys of sessions with these ids.
local function keys_of(ids, sessions)
  local keys = {}
  for i, id in ipairs(ids) do keys[i] = sessions .. id end
  return keys
end

-- Takes at most 100 dead sessions out of the index whose score has passed. That is more than one for each session that is
-- added, so dead ones cannot pile up; and it is few enough not to hold Redis up.
local function sweep(index, sessions, now)
  local dead = call('ZRANGEBYSCORE', index, '-inf', '(' .. digits(now), 'LIMIT', 0, 100)
  if #dead == 0 then return end
  if redis.call('EXISTS', unpack(keys_of(dead, sessions))) > 0 then
    -- Somebody has extended a session by hand: it stays.
    local ids = dead
    dead = {}
    for _, id in ipairs(ids) do
      if redis.call('EXISTS', sessions .. id) == 0 then dead[#dead + 1] = id end
    end
    if #dead == 0 then return end
  end
  call('ZREM', index, unpack(dead))
end

-- The list of arrivals: the ids of the sessions that a user gains while updateClaimsForUser goes through the index page by
-- page, in their order. There it finds the sessions that it could have missed. The list lives for a minute at a time; its first
-- entry is a random mark, which distinguishes it from a later list.
local function arrivals_of(index, sessions)
  local keys = string.sub(sessions, 1, -3)
  return keys .. 'n:' .. string.sub(index, #keys + 3)
end

-- Notes an arrival, if there is a list.
local function note_arrival(index, sessions, id)
  local arrivals = arrivals_of(index, sessions)
  if call('LLEN', arrivals) > 0 then redis.call('RPUSH', arrivals, id) end
end

-- Adds a new session with its score, and removes dead ones.
local function enlist(index, sessions, id, score, now)
  note_arrival(index, sessions, id)
  local existed = redis.call('EXISTS', index) == 1
  call('ZADD', index, digits(score), id)
  if existed then sweep(index, sessions, now) end
  settle(index)
end

-- Takes sessions out of the index. Returns how many of them it named.
local function unlist(index, ids)
  if #ids == 0 then return 0 end
  local size, removed = call('ZCARD', index), 0
  for i = 1, #ids, 1000 do
    removed = removed + call('ZREM', index, unpack(ids, i, math.min(i + 999, #ids)))
  end
  -- The index is gone with its last member, and a node that the slot is leaving refuses commands on a missing key.
  if removed < size then settle(index) end
  return removed
end

-- Deletes sessions of one user, and takes them out of the index.
local function strike(index, sessions, ids)
  local keys = keys_of(ids, sessions)
  for i = 1, #ids, 1000 do
    -- UNLINK, not DEL: another thread frees the memory of large records, and Redis does not wait for it.
    redis.call('UNLINK', unpack(keys, i, math.min(i + 999, #ids)))
  end
  unlist(index, ids)
end

-- Deletes the session with this record, and its partner unless `alone` is set, and reports why. Returns what revoke.lua returns for
-- a live session.
local function strike_pair(key, record, alone, why)
  local id = string.sub(key, -26)
  local keys = stem(key, id)
  local sessions = keys .. 's:'
  local partner = not alone and partner_of(record)
  -- The partner first: if the reply is lost, the second run finds nothing here, and does not know of the partner.
  if partner and not together(key, sessions .. partner) then return { 'moving', partner } end
  local ids = { id }
  if partner and lives(sessions .. partner, clock()) then ids[2] = partner end
  local index = record.u and keys .. 'u:' .. record.u
  local listed = index and together(key, index)
  local hashes = hashes_of(sessions, ids, why)
  -- The deletion comes first: when Redis is out of memory, it judges only the first write of a script, and allows this one.
  if listed then strike(index, sessions, ids) else redis.call('DEL', unpack(keys_of(ids, sessions))) end
  tell(keys, why.letter, ids)
  local reported = leave_endings(keys, ids, why, hashes)
  return { 'ended', record.u or '', index and not listed and 'moving' or '', unpack(reported) }
end

-- Whether what a key holds was created up to an instant, as far as it can be read: what cannot be read is no younger.
local function is_from(key, instant)
  local is_hash, fields = pcall(redis.call, 'HMGET', key, 't')
  local created = is_hash and type(fields[1]) == 'string' and string.match(fields[1], '^(%d+) ')
  return not created or tonumber(created) <= instant
end

-- Deletes at most `most` sessions of a user, but never `except` ('' for none) nor its partner, and reports why. Returns
-- 'more' if more are left, else 'done', followed by the ids that were live. If the slot is moving and the sessions are not all
-- here, or this node cannot keep the mark of this call, it does nothing, and returns 'moving' and the ids of the sessions.
local function strike_page(index, sessions, except, most, mark, why)
  local members = call('ZRANGE', index, 0, most)
  local beside, others = { index, mark }, { 'moving' }
  if except ~= '' then beside[3] = sessions .. except end
  for i = 1, math.min(#members, most + 1) do
    if members[i] ~= except then
      beside[#beside + 1] = sessions .. members[i]
      if #others <= most then others[#others + 1] = members[i] end
    end
  end
  if #beside > 2 and not together(unpack(beside)) then return reply_of(others) end

  local spared = except ~= '' and open(sessions .. except)
  local partner = spared and partner_of(spared)
  local ids, status = {}, #members > most and 'more' or 'done'
  for _, id in ipairs(members) do
    if id ~= except and id ~= partner then
      if #ids == most then
        status = 'more'
        break
      end
      ids[#ids + 1] = id
    end
  end
  local now, live = clock(), {}
  for _, id in ipairs(ids) do
    if lives(sessions .. id, now) then live[#live + 1] = id end
  end
  local hashes = hashes_of(sessions, live, why)
  strike(index, sessions, ids)
  tell(string.sub(sessions, 1, -3), why.letter, live)
  leave_endings(string.sub(sessions, 1, -3), live, why, hashes)
  return { status, unpack(live) }
end

-- One page of the sessions in the index of a user, dead ones too: at most `most` ids, beginning after the member `id` with
-- `score` (from the start if id is ''). If the score of that member has changed meanwhile, the page begins with the first
-- member of the old score: some come twice, but none is missed. Also returns the reply to add to: {score, id} of the last
-- member, or {'', ''} after the last page.
local function page(index, score, id, most)
  local first = 0
  if id ~= '' then
    if tonumber(call('ZSCORE', index, id) or 0) == tonumber(score) then
      first = call('ZRANK', index, id) + 1
    else
      first = call('ZCOUNT', index, '-inf', '(' .. score)
    end
  end
  local members = call('ZRANGE', index, first, first + most - 1, 'WITHSCORES')
  local ids = {}
  for i = 1, #members, 2 do ids[#ids + 1] = members[i] end
  if #ids < most then return ids, { '', '' } end
  return ids, { digits(tonumber(members[#members])), ids[most] }
end

-- Score and id of a member, for a page that ends behind it.
local function place_of(index, id)
  return digits(tonumber(call('ZSCORE', index, id))), id
end

-- A page ends when this much work is done. A session with a few claims costs about 1200, so a page of those is full; a page
-- holds about fifty sessions with a hundred tiny claims, and about sixteen of the largest. It takes 1 to 4 ms of Redis's time.
local WORK = 400000

-- The work of reading a record: its bytes, and 64 for each field.
local function cost_of(record)
  local cost = 0
  for field, value in pairs(record) do cost = cost + 64 + #field + #value end
  return cost
end

-- Applies a patch, which begins at ARGV[first], to the live sessions among these, until one page is full. Adds their ids to a
-- reply, and returns nil and how many ids it has looked at; or returns the reply that says why nothing was written.
local function patch_page(sessions, ids, reply, first, most)
  local live, work, seen = {}, 0, 0
  local set, removed
  for _, id in ipairs(ids) do
    if work > WORK then break end
    seen = seen + 1
    local record, ends, left = open(sessions .. id)
    -- Only live sessions are changed: HSET would bring back a key that is gone.
    if record then
      if not times(record, ends, left) then return { 'corrupt', id } end
      local excess
      set, removed, excess = patched(record, first, most)
      if excess then return excess end
      work = work + cost_of(record)
      live[#live + 1] = id
    end
  end
  for _, id in ipairs(live) do
    local key = sessions .. id
    if #removed > 0 then call_many('HDEL', key, removed) end
    if #set > 0 then call_many('HSET', key, set) end
    redis.call('HINCRBY', key, 'v', 1)
    reply[#reply + 1] = id
  end
  tell(string.sub(sessions, 1, -3), '~', live)
  return nil, seen
end

-- Makes the list of arrivals live for another minute, and makes it if there is none. If it has grown too long, it begins again,
-- and its users have to begin again too. Returns its mark and its size.
local function open_arrivals(arrivals, mark)
  local size = call('LLEN', arrivals)
  if size > 10000 then redis.call('DEL', arrivals) end
  if size == 0 or size > 10000 then size = redis.call('RPUSH', arrivals, mark) end
  redis.call('PEXPIREAT', arrivals, digits(clock() + 60000))
  return redis.call('LINDEX', arrivals, 0), size
end
