#include "examples/script_host/worker.h"

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "examples/script_host/host.h"
#include "examples/script_host/host_module.h"
#include "lua.hpp"

namespace script_host {
namespace {

// Instructions between two calls of StopRunaway.
constexpr int kHookInterval = 100'000;

// Lua calls this after every kHookInterval instructions. It ends a script that
// goes on long after it was asked to stop.
void StopRunaway(lua_State* state, lua_Debug*) {
  if (Worker::Of(state).host().phase() != Phase::kAbandoned) return;
  luaL_where(state, 0);  // luaL_error would name the caller.
  lua_pushliteral(state, "the script goes on after the last request");
  lua_concat(state, 2);
  lua_error(state);
}

// Turns the error on the stack into a message with a traceback.
int AddTraceback(lua_State* state) {
  const char* const message = luaL_tolstring(state, 1, nullptr);
  luaL_traceback(state, state, message, 1);
  return 1;
}

}  // namespace

Worker::Worker(Host& host, uint32_t number, uint32_t script, uint64_t seed)
    : host_(host),
      number_(number),
      script_(script),
      seed_(seed),
      thread_([this] { Run(); }) {}

void Worker::Run() {
  const std::unique_ptr<lua_State, decltype(&lua_close)> state(luaL_newstate(),
                                                               &lua_close);
  if (state == nullptr) {
    host_.PrintError(host_.scripts[script_] + ": no memory for a Lua state");
    failed_ = true;
  } else if (!RunScript(state.get())) {
    host_.PrintError(lua_tostring(state.get(), -1));
    failed_ = true;
  }
  done_.Notify();
}

// Returns false, with the message on Lua's stack, if the script fails.
bool Worker::RunScript(lua_State* state) {
  *static_cast<Worker**>(lua_getextraspace(state)) = this;
  lua_sethook(state, &StopRunaway, LUA_MASKCOUNT, kHookInterval);
  lua_pushcfunction(state, &Prepare);
  if (lua_pcall(state, 0, 0, 0) != LUA_OK) return false;
  lua_pushcfunction(state, &AddTraceback);
  return luaL_loadfile(state, host_.scripts[script_].c_str()) == LUA_OK &&
         lua_pcall(state, 0, 0, -2) == LUA_OK;
}

// Prepares the Lua state. RunScript calls this through Lua, which catches the
// errors that these calls may raise.
int Worker::Prepare(lua_State* state) {
  luaL_openlibs(state);
  luaL_requiref(state, "host", &OpenHostModule, 1);
  lua_getglobal(state, "math");
  lua_getfield(state, -1, "randomseed");
  lua_pushinteger(state, static_cast<lua_Integer>(Of(state).seed_));
  lua_call(state, 1, 0);
  return 0;
}

}  // namespace script_host
