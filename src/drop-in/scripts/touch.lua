-- Extends a session, if its record still begins as the caller knows it: it never brings a session back. It can also change this
-- beginning, where the times are. If it runs again after a lost reply, it finds what its first run has stored.
-- KEYS[1]  session
-- ARGV[1]  how the record must begin
-- ARGV[2]  ms to live
-- ARGV[3]  how it is to begin from now on, of the same length; '' for as it does
-- Returns  'ok', 'none' (the session is gone), or {'conflict', record} (it begins differently)
local from, to = ARGV[1], ARGV[3]
local head = redis.call('GETRANGE', KEYS[1], 0, #from - 1)
if head == '' then return 'none' end
if head ~= from and head ~= to then return { 'conflict', redis.call('GET', KEYS[1]) } end
if to ~= '' then redis.call('SETRANGE', KEYS[1], 0, to) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'ok'
