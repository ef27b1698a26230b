// Lua raises errors with longjmp, which skips destructors. So a function below
// must not have an object with a destructor when it calls a function that can
// raise an error.

#include "examples/script_host/host_module.h"

#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "absl/strings/string_view.h"
#include "examples/script_host/host.h"
#include "examples/script_host/host_object.h"
#include "examples/script_host/worker.h"
#include "lua.hpp"

namespace script_host {
namespace {

Handle CheckHandle(lua_State* state, int argument) {
  return Handle::FromBits(
      static_cast<uint64_t>(luaL_checkinteger(state, argument)));
}

// Returns the null handle if the argument is missing or nil.
Handle OptionalHandle(lua_State* state, int argument) {
  if (lua_isnoneornil(state, argument)) return Handle();
  return CheckHandle(state, argument);
}

void PushHandle(lua_State* state, Handle handle) {
  if (handle) {
    lua_pushinteger(state, static_cast<lua_Integer>(handle.bits()));
  } else {
    lua_pushnil(state);
  }
}

absl::string_view CheckName(lua_State* state, int argument) {
  size_t size;
  const char* const name = luaL_checklstring(state, argument, &size);
  return absl::string_view(name, size);
}

// Raises an error that says why the table has refused the handle.
int RaiseRefused(lua_State* state, Handle handle) {
  Worker::Of(state).counters().refused.Add();
  const holdfast::Diagnosis why =
      Worker::Of(state).host().table.Diagnose(handle);
  char text[32];
  std::snprintf(text, sizeof(text), "handle 0x%016" PRIx64, handle.bits());
  switch (why.state) {
    case holdfast::HandleState::kStale:
    case holdfast::HandleState::kRetired:
      return luaL_error(state, "stale %s: unpinned %I %s ago", text,
                        static_cast<LUAI_UACINT>(why.lives_ended),
                        why.lives_ended == 1 ? "life" : "lives");
    case holdfast::HandleState::kNull:
      return luaL_error(state, "null %s", text);
    case holdfast::HandleState::kNeverIssued:
      return luaL_error(state, "unknown %s: never issued", text);
    case holdfast::HandleState::kForeign:
    case holdfast::HandleState::kLive:
      break;  // kLive cannot occur: a refused handle stays refused.
  }
  return luaL_error(state, "unknown %s: not of this host", text);
}

// Returns the object, or nothing if the handle is not live. Raises an error if
// the object is torn.
std::optional<HostObject> ReadObject(lua_State* state, Handle handle) {
  Worker& worker = Worker::Of(state);
  const std::optional<HostObject> object = worker.host().table.Read(handle);
  if (object && !IsWhole(*object)) luaL_error(state, "torn object");
  return object;
}

int Pin(lua_State* state) {
  const int kind = luaL_checkoption(state, 1, nullptr, kKindNames);
  const lua_Number value = luaL_checknumber(state, 2);
  Worker& worker = Worker::Of(state);
  HostObject object = {};
  object.serial = worker.NextSerial();
  object.script = worker.script();
  object.kind = static_cast<uint32_t>(kind);
  const Handle handle = worker.host().table.Pin(WithValue(object, value));
  if (!handle) return luaL_error(state, "the host's table is full");
  worker.counters().pins.Add();
  PushHandle(state, handle);
  return 1;
}

int Read(lua_State* state) {
  const Handle handle = CheckHandle(state, 1);
  const std::optional<HostObject> object = ReadObject(state, handle);
  if (!object) return RaiseRefused(state, handle);
  Worker::Of(state).counters().reads.Add();
  lua_pushnumber(state, object->value);
  return 1;
}

int Find(lua_State* state) {
  const std::optional<HostObject> object =
      ReadObject(state, CheckHandle(state, 1));
  if (object) {
    Worker::Of(state).counters().reads.Add();
    lua_pushnumber(state, object->value);
  } else {
    Worker::Of(state).counters().refused.Add();
    lua_pushnil(state);
  }
  return 1;
}

int Contains(lua_State* state) {
  const Handle handle = CheckHandle(state, 1);
  lua_pushboolean(state, Worker::Of(state).host().table.Contains(handle));
  return 1;
}

int Write(lua_State* state) {
  const Handle handle = CheckHandle(state, 1);
  const lua_Number value = luaL_checknumber(state, 2);
  Worker& worker = Worker::Of(state);
  // Only the value changes while the handle is live. So no change of another
  // thread is lost here, except that of the value.
  const std::optional<HostObject> object = ReadObject(state, handle);
  if (!object || !worker.host().table.Write(handle, WithValue(*object, value)))
    return RaiseRefused(state, handle);
  worker.counters().writes.Add();
  return 0;
}

int Exchange(lua_State* state) {
  const Handle handle = CheckHandle(state, 1);
  const lua_Number value = luaL_checknumber(state, 2);
  Worker& worker = Worker::Of(state);
  std::optional<HostObject> object = ReadObject(state, handle);
  if (object) {
    object = worker.host().table.Exchange(handle, WithValue(*object, value));
  }
  if (!object) return RaiseRefused(state, handle);
  if (!IsWhole(*object)) return luaL_error(state, "torn object");
  worker.counters().writes.Add();
  lua_pushnumber(state, object->value);
  return 1;
}

// Counts an attempt to unpin, as unpinned or as refused.
void CountUnpin(Worker& worker, bool unpinned) {
  Counters& counters = worker.counters();
  (unpinned ? counters.unpins : counters.refused).Add();
}

int Unpin(lua_State* state) {
  const Handle handle = CheckHandle(state, 1);
  Worker& worker = Worker::Of(state);
  const bool unpinned = worker.host().table.Unpin(handle);
  CountUnpin(worker, unpinned);
  lua_pushboolean(state, unpinned);
  return 1;
}

int Take(lua_State* state) {
  const Handle handle = CheckHandle(state, 1);
  Worker& worker = Worker::Of(state);
  const std::optional<HostObject> object = worker.host().table.Take(handle);
  CountUnpin(worker, object.has_value());
  if (object && !IsWhole(*object)) return luaL_error(state, "torn object");
  if (object) {
    lua_pushnumber(state, object->value);
  } else {
    lua_pushnil(state);
  }
  return 1;
}

int Send(lua_State* state) {
  const Handle handle = CheckHandle(state, 1);
  lua_pushboolean(state, Worker::Of(state).host().channel.Send(handle));
  return 1;
}

int Receive(lua_State* state) {
  PushHandle(state, Worker::Of(state).host().channel.Receive());
  return 1;
}

int Lookup(lua_State* state) {
  const absl::string_view name = CheckName(state, 1);
  PushHandle(state, Worker::Of(state).host().board.Lookup(name));
  return 1;
}

int Publish(lua_State* state) {
  const absl::string_view name = CheckName(state, 1);
  const Handle handle = OptionalHandle(state, 2);
  const Handle expected = OptionalHandle(state, 3);
  Board& board = Worker::Of(state).host().board;
  lua_pushboolean(state, board.Publish(name, handle, expected));
  return 1;
}

int NextRequest(lua_State* state) {
  Worker& worker = Worker::Of(state);
  if (worker.host().phase() == Phase::kServing) {
    worker.counters().requests.Add();
    const uint64_t number = worker.counters().requests.value();
    lua_pushinteger(state, static_cast<lua_Integer>(number));
  } else {
    lua_pushnil(state);
  }
  return 1;
}

constexpr luaL_Reg kFunctions[] = {
    {"contains", &Contains},
    {"exchange", &Exchange},
    {"find", &Find},
    {"lookup", &Lookup},
    {"next_request", &NextRequest},
    {"pin", &Pin},
    {"publish", &Publish},
    {"read", &Read},
    {"receive", &Receive},
    {"send", &Send},
    {"take", &Take},
    {"unpin", &Unpin},
    {"write", &Write},
    {nullptr, nullptr},
};

}  // namespace

int OpenHostModule(lua_State* state) {
  luaL_newlib(state, kFunctions);
  lua_pushinteger(state, Worker::Of(state).number());
  lua_setfield(state, -2, "worker");
  return 1;
}

}  // namespace script_host
