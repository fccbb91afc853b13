/* SPDX-License-Identifier: MIT
 * A structure file's text made ready for gemmi.
 *
 * gemmi merges residues of the same number wherever they stand in a chain, which happens to waters whose numbers wrap,
 * so PDB serial numbers are replaced by the running number of the atom's line before parsing and the file's order is
 * restored from them. */
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <unordered_map>

#include "formats/structure_gemmi.hh"

namespace {

const size_t MAX_BYTES = (size_t(4) << 30) - 1;

std::string read_all(FILE *f)
{
    std::string all, block(1 << 20, '\0');
    size_t n;
    /* not again after a failure: a read that a signal broke off would wait once more */
    while (!ferror(f) && (n = fread(&block[0], 1, block.size(), f)) > 0 && all.size() < MAX_BYTES)
        all.append(block, 0, n);
    if (ferror(f)) throw std::runtime_error(std::string("cannot read: ") + std::strerror(errno));
    if (all.size() >= MAX_BYTES) throw std::runtime_error("4 GiB or larger");
    return all;
}

/* gzip, also of several members; anything else is itself. */
std::string unpack(std::string packed)
{
    if (packed.size() < 2 || packed[0] != '\x1f' || packed[1] != '\x8b') return packed;
    std::string all, block(1 << 20, '\0');
    z_stream z{};
    if (inflateInit2(&z, 15 + 16) != Z_OK) throw std::runtime_error("cannot start zlib");
    z.next_in = reinterpret_cast<Bytef *>(&packed[0]);
    z.avail_in = uInt(packed.size());
    int code = Z_OK;
    while (all.size() < MAX_BYTES) {
        z.next_out = reinterpret_cast<Bytef *>(&block[0]);
        z.avail_out = uInt(block.size());
        code = inflate(&z, Z_NO_FLUSH);
        all.append(block, 0, block.size() - z.avail_out);
        if (code == Z_STREAM_END && z.avail_in > 0) code = inflateReset(&z);
        else if (code != Z_OK) break;
    }
    inflateEnd(&z);
    if (code == Z_BUF_ERROR) throw std::runtime_error("truncated gzip data");
    if (code != Z_STREAM_END) throw std::runtime_error("damaged gzip data");
    return all;
}

bool is_atom_line(const char *line, size_t n)
{
    return n >= 6 && (std::memcmp(line, "ATOM  ", 6) == 0 || std::memcmp(line, "HETATM", 6) == 0);
}

/* gemmi reads as much of a number as there is; here a coordinate is a whole number or the line is refused. */
void check_number(const char *line, int column, int line_number)
{
    char field[9], *end;
    std::memcpy(field, line + column, 8);
    field[8] = '\0';
    double v = std::strtod(field, &end);
    bool empty = end == field;
    while (*end == ' ') end++;
    if (empty || *end || !std::isfinite(v))
        throw std::runtime_error("line " + std::to_string(line_number) + ": bad coordinate '" + field + "'");
}

/* Five characters for any number below 43770016: hybrid-36, as gemmi understands it. */
void put_serial(char *field, int n)
{
    if (n < 100000) {
        std::string s = std::to_string(n);
        std::memset(field, ' ', 5);
        std::memcpy(field + 5 - s.size(), s.data(), s.size());
        return;
    }
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    int v = n - 100000 + 10 * 36 * 36 * 36 * 36;
    for (int i = 4; i >= 0; i--, v /= 36) field[i] = digits[v % 36];
}

/* Files from before 1996 have their name and line number where the element and the charge are now. */
void drop_line_number(char *line, size_t n)
{
    bool number = n >= 80 && std::isdigit((unsigned char)line[78]) && std::isdigit((unsigned char)line[79]);
    bool padded = n >= 80 && line[78] == ' ' && std::isdigit((unsigned char)line[79]);
    if (number || padded) std::memset(line + 72, ' ', 8);
}

/* gemmi reads columns 74 to 78 of LINK and SSBOND, a distance that nobody here needs, though the line ends among them.
 */
void end_before_distance(char *line, size_t n)
{
    bool link = n > 4 && (strncasecmp(line, "LINK", 4) == 0 || strncasecmp(line, "SSBO", 4) == 0);
    if (!link || n < 73 || n > 77) return;
    line[72] = '\n';
    std::memset(line + 73, ' ', n - 73);
}

/* CONECT by the serial numbers as the file has them; a number that two atoms of a model have says nothing. */
class Conect
{
    std::unordered_map<std::string, int> running;
    std::vector<std::pair<std::string, std::string>> stated;

public:
    void atom(const char *line, int serial)
    {
        auto at = running.emplace(std::string(line + 6, 5), serial);
        if (!at.second && at.first->second != serial) at.first->second = 0;
    }
    void record(const char *line, size_t n)
    {
        for (size_t column = 11; column + 5 <= n && column < 31; column += 5)
            stated.emplace_back(std::string(line + 6, 5), std::string(line + column, 5));
    }
    km_gemmi::Pairs pairs() const
    {
        km_gemmi::Pairs out;
        for (const auto &s : stated) {
            auto a = running.find(s.first), b = running.find(s.second);
            if (a != running.end() && b != running.end() && a->second && b->second)
                out.emplace_back(a->second, b->second);
        }
        return out;
    }
};

/* gemmi reads 13 residues of every SEQRES line, though the line ends among them. */
void pad_sequences(std::string &text)
{
    const size_t width = 70;
    for (size_t at = text.compare(0, 6, "SEQRES") ? text.find("\nSEQRES") : 0; at != std::string::npos;) {
        at += text[at] == '\n';
        size_t n = std::min(text.find('\n', at), text.size()) - at;
        if (n && text[at + n - 1] == '\r') n--;
        if (n < width) text.insert(at + n, width - n, ' ');
        at = text.find("\nSEQRES", at);
    }
}

} // namespace

std::string km_gemmi::read_text(FILE *f) { return unpack(read_all(f)); }

km_gemmi::Pairs km_gemmi::prepare_pdb(std::string &text)
{
    pad_sequences(text);
    Conect conect;
    int line_number = 0, serial = 0;
    for (size_t at = 0; at < text.size();) {
        size_t end = std::min(text.find('\n', at), text.size());
        char *line = &text[at];
        line_number++;
        if (std::memchr(line, '\0', end - at))
            throw std::runtime_error("line " + std::to_string(line_number) + ": no text");
        if (end - at >= 6 && std::memcmp(line, "MODEL ", 6) == 0) serial = 0;
        if (end - at >= 6 && std::memcmp(line, "ENDMDL", 6) == 0) serial = 0;
        if (is_atom_line(line, end - at)) {
            if (end - at < 54)
                throw std::runtime_error("line " + std::to_string(line_number) + ": atom record cut short");
            for (int column = 30; column < 54; column += 8) check_number(line, column, line_number);
            if (serial >= 43000000) throw std::runtime_error("more than 43 million atoms");
            conect.atom(line, ++serial);
            put_serial(line + 6, serial);
            drop_line_number(line, end - at);
        }
        if (end - at >= 16 && std::memcmp(line, "CONECT", 6) == 0) conect.record(line, end - at);
        end_before_distance(line, end - at);
        at = end + 1;
    }
    return conect.pairs();
}
