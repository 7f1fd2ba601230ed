// Runs icarus.v behind a pseudo-terminal: what a mining program opens is PATH.
//
//     icarus PATH
//
// SIGINT or SIGTERM ends it with a line of JSON: simulated clocks, hashes, bytes, real seconds since the first byte.
#include "Vicarus.h"
#include "verilated.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

static const unsigned CLOCKS_PER_BIT = 4;   // as in the Makefile
static const unsigned SLICE = 4096;         // clocks between two looks at the terminal
static volatile std::sig_atomic_t ended = 0;

static void end(int) { ended = 1; }

[[noreturn]] static void fail(const char *what)
{
    std::perror(what);
    std::exit(1);
}

// The host's end of the line: bytes to bits and back, clock by clock.
struct Line {
    std::deque<uint8_t> out;                // to the core
    unsigned out_bits = 0, out_wait = 0, out_shift = 0;
    unsigned in_bits = 0, in_wait = 0, in_byte = 0;
    std::deque<uint8_t> in;                 // from the core

    bool level()                            // what the core's rx sees in this clock
    {
        if (out_bits == 0) {
            if (out.empty())
                return true;
            out_shift = 0x200u | (unsigned)out.front() << 1;
            out.pop_front();
            out_bits = 10;
            out_wait = CLOCKS_PER_BIT;
        }
        bool level = out_shift & 1;
        if (--out_wait == 0) {
            out_shift >>= 1;
            out_bits--;
            out_wait = CLOCKS_PER_BIT;
        }
        return level;
    }

    void listen(bool level)                 // what the core's tx is in this clock
    {
        if (in_bits == 0) {
            if (!level) {
                in_bits = 9;
                in_wait = CLOCKS_PER_BIT + CLOCKS_PER_BIT / 2;
                in_byte = 0;
            }
        } else if (--in_wait == 0) {
            if (--in_bits == 0)
                in.push_back((uint8_t)in_byte);
            else
                in_byte = in_byte >> 1 | (level ? 0x80u : 0);
            in_wait = CLOCKS_PER_BIT;
        }
    }
};

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s PATH\n", argv[0]);
        return 2;
    }
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (master < 0 || grantpt(master) || unlockpt(master))
        fail("pseudo-terminal");
    const char *name = ptsname(master);
    int slave = open(name, O_RDWR | O_NOCTTY);      // kept open: a host may come and go
    termios mode;
    if (slave < 0 || tcgetattr(slave, &mode))
        fail(name);
    cfmakeraw(&mode);
    cfsetspeed(&mode, B115200);
    if (tcsetattr(slave, TCSANOW, &mode) || symlink(name, argv[1]))
        fail(argv[1]);
    std::signal(SIGINT, end);
    std::signal(SIGTERM, end);
    std::printf("{\"event\":\"ready\",\"path\":\"%s\"}\n", argv[1]);
    std::fflush(stdout);

    VerilatedContext context;
    Vicarus core(&context);
    Line line;
    uint64_t clocks = 0, bytes_in = 0, bytes_out = 0;
    bool begun = false;
    auto start = std::chrono::steady_clock::now();
    while (!ended) {
        uint8_t buffer[256];
        pollfd ready = { master, POLLIN, 0 };
        poll(&ready, 1, begun ? 0 : 100);           // nothing to search yet: let the computer rest
        ssize_t got = read(master, buffer, sizeof buffer);
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            fail(argv[1]);
        for (ssize_t i = 0; i < got; i++)
            line.out.push_back(buffer[i]);
        if (got > 0) {
            if (!begun)
                start = std::chrono::steady_clock::now();
            begun = true;
            bytes_in += got;
        }
        for (unsigned i = 0; begun && i < SLICE; i++) {
            core.rx = line.level();
            core.clk = 0;
            core.eval();
            core.clk = 1;
            core.eval();
            line.listen(core.tx);
            clocks++;
        }
        while (!line.in.empty()) {
            uint8_t byte = line.in.front();
            line.in.pop_front();
            if (write(master, &byte, 1) == 1)       // nobody reads: lost, as on a wire
                bytes_out++;
        }
    }
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("{\"event\":\"summary\",\"clocks\":%llu,\"clock_hz\":%.0f,\"hashes\":%llu,\"hashrate_hs\":%.0f,"
                "\"bytes_from_host\":%llu,\"nonces\":%llu,\"elapsed_s\":%.1f}\n",
                (unsigned long long)clocks, clocks / seconds, (unsigned long long)core.hashes, core.hashes / seconds,
                (unsigned long long)bytes_in, (unsigned long long)bytes_out / 4, seconds);
    unlink(argv[1]);
    core.final();
    return 0;
}
