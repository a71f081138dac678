/* Coroutines of Lua in C: create and run to the first yield, switch, memory. Prints one "name figure" a line. */
#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>
#include <lua5.4/lualib.h>

#include "measure.h"

#define BODY "function f(a, b) local x = a + b while true do coroutine.yield(x) x = x + 1 end end"

static int begin(lua_State *main, lua_State *one, int64_t number)
{
    int results;
    lua_getglobal(one, "f");
    lua_pushinteger(one, number);
    lua_pushinteger(one, 2);
    if (lua_resume(one, main, 2, &results) != LUA_YIELD || lua_tointeger(one, -1) != number + 2) wrong("a coroutine yields its sum");
    lua_pop(one, results);
    return luaL_ref(main, LUA_REGISTRYINDEX);
}

static void resume(lua_State *main, lua_State *one)
{
    int results;
    if (lua_resume(one, main, 0, &results) != LUA_YIELD) wrong("a coroutine yields again");
    lua_pop(one, results);
}

static void switches(const char *name, lua_State *main, lua_State **all, long count, long total)
{
    double start = now_ns();
    for (long done = 0; done < total; done += count)
        for (long i = 0; i < count; i++) resume(main, all[i]);
    figure(name, (now_ns() - start) / (double)total);
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 100000;
    lua_State *main = luaL_newstate(), **all = calloc((size_t)count, sizeof *all);
    luaL_openlibs(main);
    if (luaL_dostring(main, BODY)) wrong(lua_tostring(main, -1));
    double start = now_ns();
    for (long i = 0; i < count; i++) { /* gone at once: the collector takes them */
        lua_State *one = lua_newthread(main);
        luaL_unref(main, LUA_REGISTRYINDEX, begin(main, one, i));
    }
    figure("recycle_ns", (now_ns() - start) / (double)count);
    lua_gc(main, LUA_GCCOLLECT);
    long before = resident_bytes();
    start = now_ns();
    for (long i = 0; i < count; i++) {
        all[i] = lua_newthread(main);
        begin(main, all[i], i);
    }
    figure("create_ns", (now_ns() - start) / (double)count);
    figure("parked_bytes", (double)(resident_bytes() - before) / (double)count);
    switches("switch_hot_ns", main, all, 4, 4000000);
    switches("switch_all_ns", main, all, count, count * 10);
    lua_close(main);
    free(all);
    return 0;
}
