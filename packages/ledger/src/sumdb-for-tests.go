// An independent reader and writer of published logs for tests, over the libraries of the Go project's sum database.
//
//	read <folder> <log key> <witness key> <index>...  judges a log in a folder: signatures, every tile, the entries at these places
//	continue <folder> <size> <root>                   judges that the log in a folder continues a smaller tree
//	write <folder> <size>                             makes a log of random entries; prints its key
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	var err error
	switch os.Args[1] {
	case "read":
		err = read(os.Args[2], os.Args[3], os.Args[4], os.Args[5:])
	case "continue":
		err = continues(os.Args[2], os.Args[3], os.Args[4])
	case "write":
		err = write(os.Args[2], os.Args[3])
	}
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func read(folder, logKey, witnessKey string, places []string) error {
	tree, err := openCheckpoint(folder, logKey, witnessKey)
	if err != nil {
		return err
	}
	// Every tile is read and proven against the root by the library.
	hashes := tlog.TileHashReader(tree, &files{folder})
	indexes := make([]int64, tree.N)
	for at := range indexes {
		indexes[at] = tlog.StoredHashIndex(0, int64(at))
	}
	leaves, err := hashes.ReadHashes(indexes)
	if err != nil {
		return err
	}
	for at := int64(0); at < tree.N; at++ {
		entry, err := entryAt(folder, tree.N, at)
		if err != nil {
			return err
		}
		if tlog.RecordHash(entry) != leaves[at] {
			return fmt.Errorf("entry %d is not its leaf", at)
		}
	}
	for _, text := range places {
		at, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, at, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, at, leaves[at]); err != nil {
			return err
		}
	}
	fmt.Println("passed", tree.N)
	return nil
}

func continues(folder, sizeText, rootText string) error {
	size, err := strconv.ParseInt(sizeText, 10, 64)
	if err != nil {
		return err
	}
	old, err := tlog.ParseHash(rootText)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := parseTree(string(text))
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, size, tlog.TileHashReader(tree, &files{folder}))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, size, old); err != nil {
		return err
	}
	fmt.Println("passed", tree.N)
	return nil
}

func openCheckpoint(folder, logKey, witnessKey string) (tlog.Tree, error) {
	text, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return tlog.Tree{}, err
	}
	log, err := note.NewVerifier(logKey)
	if err != nil {
		return tlog.Tree{}, err
	}
	witness, err := newCosigner(witnessKey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(text, note.VerifierList(log, witness))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(opened.Sigs) != 2 || len(opened.UnverifiedSigs) != 0 {
		return tlog.Tree{}, fmt.Errorf("%d signatures hold", len(opened.Sigs))
	}
	return parseTree(opened.Text)
}

func parseTree(text string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return tlog.Tree{}, errors.New("not a tree head")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// cosigner verifies the timestamped signatures of a witness, which the library does not know.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func newCosigner(text string) (*cosigner, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		return nil, errors.New("not the key of a witness")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	return &cosigner{parts[0], binary.BigEndian.Uint32(sum[:4]), key[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.id }
func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(c.key, append([]byte(head), msg...), sig[8:])
}

// files reads tiles from a folder under the addresses of tlog-tiles, which leave the height out.
type files struct{ folder string }

func (f *files) Height() int                     { return height }
func (f *files) SaveTiles([]tlog.Tile, [][]byte) {}
func (f *files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for at, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(f.folder, tilePath(tile)))
		if err != nil {
			return nil, err
		}
		all[at] = data
	}
	return all, nil
}

func tilePath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
}

func entryAt(folder string, size, at int64) ([]byte, error) {
	width := size - at/256*256
	if width > 256 {
		width = 256
	}
	tile := tlog.Tile{H: height, L: 0, N: at / 256, W: int(width)}
	path := strings.Replace(tilePath(tile), "tile/0/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return nil, err
	}
	for skip := at % 256; ; skip-- {
		if len(data) < 2 {
			return nil, errors.New("a bundle is cut off")
		}
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			return nil, errors.New("a bundle is cut off")
		}
		if skip == 0 {
			return data[2 : 2+length], nil
		}
		data = data[2+length:]
	}
}

func write(folder, sizeText string) error {
	size, err := strconv.ParseInt(sizeText, 10, 64)
	if err != nil {
		return err
	}
	private, public, err := note.GenerateKey(rand.Reader, "go.example/log")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return err
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for at, index := range indexes {
			found[at] = stored[index]
		}
		return found, nil
	})
	for at := int64(0); at < size; at++ {
		entry := make([]byte, 32)
		if _, err := rand.Read(entry); err != nil {
			return err
		}
		more, err := tlog.StoredHashes(at, entry, reader)
		if err != nil {
			return err
		}
		stored = append(stored, more...)
	}
	for _, tile := range tlog.NewTiles(height, 0, size) {
		data, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return err
		}
		path := filepath.Join(folder, tilePath(tile))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "go.example/log\n%d\n%s\n", size, root)
	signed, err := note.Sign(&note.Note{Text: text.String()}, signer)
	if err != nil {
		return err
	}
	fmt.Println(public)
	return os.WriteFile(filepath.Join(folder, "checkpoint"), signed, 0o644)
}
