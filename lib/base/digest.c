/* SPDX-License-Identifier: MIT */
#include "lib/base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "lib/base/err.h"

/* What km_digest stands for is libcrypto's context. */
static EVP_MD_CTX *context(km_digest *d) { return (EVP_MD_CTX *)d; }

km_digest *km_digest_new(void)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) KM_BUG("libcrypto without SHA-256");
    return (km_digest *)md;
}

void km_digest_add(km_digest *d, const void *data, size_t bytes)
{
    if (EVP_DigestUpdate(context(d), data, bytes) != 1) KM_BUG("libcrypto without SHA-256");
}

void km_digest_end(km_digest *d, char out[65])
{
    unsigned char hash[32];
    EVP_DigestFinal_ex(context(d), hash, NULL);
    EVP_MD_CTX_free(context(d));
    for (int i = 0; i < 32; i++) snprintf(out + 2 * i, 3, "%02x", hash[i]);
}
