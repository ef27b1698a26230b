-- A cache of sessions, which the workers of this script share through the
-- board. A session expires when a worker unpins it. The stale handle stays on
-- the board until a worker finds it stale and puts a new session there.

local USERS = 200
local EXPIRE_ONE_IN = 50

local function name_of(user)
  return "session/" .. user
end

-- The value of a session is user + hits * HIT.
local HIT = 1000

-- Returns a session of the user that was live a moment ago, and its value.
local function session_of(user)
  local name = name_of(user)
  while true do
    local session = host.lookup(name)
    local value = session and host.find(session)
    if value then return session, value end
    local new = host.pin("session", user)
    if host.publish(name, new, session) then return new, user end
    host.unpin(new)  -- Another worker was faster.
  end
end

for _ in host.next_request do
  local user = math.random(USERS)
  local session, value = session_of(user)
  if value % HIT ~= user then
    error(("user %d got a session of user %d"):format(user, value % HIT))
  end
  if math.random(EXPIRE_ONE_IN) == 1 then
    host.unpin(session)
  else
    -- This hit is lost if the session has expired meanwhile, or if another
    -- worker writes at the same time. A count of hits need not be exact.
    pcall(host.write, session, value + HIT)
  end
end

-- Each worker unpins all sessions that are on the board when it stops.
for user = 1, USERS do
  local session = host.lookup(name_of(user))
  if session then host.unpin(session) end
end
